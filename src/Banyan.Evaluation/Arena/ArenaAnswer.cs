using System.Security.Cryptography;

namespace Banyan.Evaluation.Arena;

/// <summary>An answer in the arena: a text, or a picture, a sound or a video that the model made.</summary>
/// <param name="Text">The text; of media the file's name.</param>
public sealed record ArenaAnswer(string Text)
{
    static readonly Dictionary<string, string> s_types = new(StringComparer.OrdinalIgnoreCase)
    {
        [".png"] = "image/png",
        [".jpg"] = "image/jpeg",
        [".jpeg"] = "image/jpeg",
        [".gif"] = "image/gif",
        [".webp"] = "image/webp",
        [".avif"] = "image/avif",
        [".wav"] = "audio/wav",
        [".flac"] = "audio/flac",
        [".mp3"] = "audio/mpeg",
        [".ogg"] = "audio/ogg",
        [".opus"] = "audio/ogg",
        [".m4a"] = "audio/mp4",
        [".mp4"] = "video/mp4",
        [".webm"] = "video/webm",
    };

    /// <summary>The file of media; null for a text.</summary>
    public string? File { get; private init; }

    /// <summary>Its media type: <c>image/…</c>, <c>audio/…</c> or <c>video/…</c>; null for a text.</summary>
    public string? MediaType { get; private init; }

    /// <summary>An answer in a file; null if its name does not end like a picture, a sound or a video that browsers show.</summary>
    public static ArenaAnswer? Of(string file) =>
        s_types.TryGetValue(Path.GetExtension(file), out var type)
        ? new ArenaAnswer(Path.GetFileName(file)) { File = file, MediaType = type } : null;

    /// <summary>
    /// SHA-256 of the text in UTF-8, or of the file's bytes, in hexadecimal. Throws <see cref="EvaluationException"/> if the file cannot be
    /// read.
    /// </summary>
    public string Hash()
    {
        if (File is null)
            return VoteFile.Hash(Text);
        try
        {
            using var bytes = System.IO.File.OpenRead(File);
            return Convert.ToHexStringLower(SHA256.HashData(bytes));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EvaluationException($"{File} cannot be read: {SystemProblem.Of(e)}");
        }
    }
}
