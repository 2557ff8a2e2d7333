namespace Banyan.Server.Viewer;

/// <summary>A file that cannot be shown as rows; the message says why and what to do.</summary>
sealed class ViewerException(string message, Exception? inner = null) : Exception(message, inner);
