using System.Text.Json.Nodes;

namespace Banyan.Training.Data;

/// <summary>What a record means, whatever its format.</summary>
abstract record Example;

/// <summary>A conversation; <c>weight: 0</c> on a message of the assistant's keeps it out of the loss.</summary>
/// <param name="Messages">As in OpenAI's API, checked by <see cref="Conversation.Check"/>.</param>
/// <param name="Tools">As in OpenAI's API; null for none.</param>
sealed record ChatExample(JsonArray Messages, JsonArray? Tools) : Example;

/// <summary>A text to continue, and its continuation.</summary>
sealed record CompletionExample(string Prompt, string Completion) : Example;

/// <summary>Text, to be learnt as a whole.</summary>
sealed record TextExample(string Text) : Example;

/// <summary>Two answers to one prompt.</summary>
sealed record PreferenceExample(Example Chosen, Example Rejected) : Example;
