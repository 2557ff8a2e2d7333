using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Banyan.Evaluation.Models;

/// <summary>The kind of a prompt.</summary>
public enum PromptKind
{
    /// <summary>A text to continue.</summary>
    Completion,

    /// <summary>A text before and a text after; the model writes what is between.</summary>
    Infill,

    /// <summary>A message to answer.</summary>
    Chat,
}

/// <summary>Everything a model is shown.</summary>
/// <param name="Kind">How.</param>
/// <param name="Text">The text to continue, the text before the gap, or the user's message.</param>
public sealed record ModelPrompt(PromptKind Kind, string Text)
{
    static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The text after the gap.</summary>
    public string? Suffix { get; init; }

    /// <summary>The system message.</summary>
    public string? System { get; init; }

    /// <summary>A prefilled start of the answer to a message; few services allow it.</summary>
    public string? Prefill { get; init; }

    /// <summary>
    /// Texts that cannot be part of an answer, so generation can stop there. The answer itself is extracted by parsing, not by these.
    /// </summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>SHA-256 of all of it.</summary>
    public string Hash => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(
        new object?[] { Kind.ToString(), System, Text, Suffix, Prefill, Stop }, s_json)));

    /// <summary>Its number of characters, for cost estimates.</summary>
    public int Characters => Text.Length + (Suffix?.Length ?? 0) + (System?.Length ?? 0) + (Prefill?.Length ?? 0);
}
