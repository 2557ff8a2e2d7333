using Banyan.Server.Access;

namespace Banyan.Server.Viewer;

/// <summary>A file that cannot be shown as rows; the message says why and what to do.</summary>
sealed class ViewerException(ErrorText message, Exception? inner = null) : ToldException(message, inner);
