using System.Text;

namespace Banyan.Runtime.Files;

/// <summary>Recognises files that are often found in place of a model: the result of a failed download, or another program's
/// file.</summary>
static class WrongFile
{
    const int HeadBytes = 512;

    /// <summary>What the file is and what to do, by its first bytes; null for one that may be what its name says.</summary>
    public static string? Recognise(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("version https://git-lfs.github.com/"u8) || head.StartsWith("version https://hawser.github.com/"u8))
            return "this is a Git LFS pointer, not the file it stands for; run 'git lfs pull' in its repository, or get the model with 'banyan pull'";
        if (head.StartsWith("# xet version "u8))
            return "this is a Xet pointer, not the file it stands for; get the model with 'banyan pull'";
        if (head.StartsWith("PK\u0003\u0004"u8))
            return "this is a zip archive (PyTorch's .bin and .pt are such); get the model as GGUF or safetensors";
        if (head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
            return "this is compressed with gzip; unpack it first";
        var text = Encoding.UTF8.GetString(head[..Math.Min(head.Length, HeadBytes)]).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        if (s_pages.Any(begin => text.StartsWith(begin, StringComparison.OrdinalIgnoreCase)))
            return "this is a web page, not a model: what was saved is the page about the file, or a page that asks to log in; download the file itself, or get the model with 'banyan pull'";
        return text.StartsWith("{\"error\"", StringComparison.Ordinal)
            || s_refusals.Any(begin => text.StartsWith(begin, StringComparison.Ordinal))
            ? $"this is a server's refusal, not a model: '{FirstLine(text)}'; download it again, with a token where the model needs one"
            : null;
    }

    /// <summary>As <see cref="Recognise(ReadOnlySpan{byte})"/>, of a file; null if it cannot be read.</summary>
    public static string? Recognise(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            var head = new byte[HeadBytes];
            return Recognise(head.AsSpan(0, file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    static readonly string[] s_pages = ["<!doctype html", "<html", "<head", "<body", "<!--", "<?xml", "<svg"];

    // What the Hub and object stores answer in plain text.
    static readonly string[] s_refusals = ["Entry not found", "Repository not found", "Invalid username or password", "Invalid credentials",
        "Access to model ", "Not Found", "404: Not Found"];

    static string FirstLine(string text) => new([.. text.Split('\n')[0].Take(80).Select(c => char.IsControl(c) ? ' ' : c)]);
}
