namespace Banyan.Cli;

/// <summary>A command cannot do what it was asked to; the message says what to do. One line on stderr, no stack trace.</summary>
sealed class CommandException(string message) : Exception(message);
