using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Banyan.Runtime.Files.Gguf;

/// <summary>Walks through a mapped GGUF header, little-endian; reading beyond the end of the file is refused.</summary>
struct GgufCursor(Mapping file, long position)
{
    static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public readonly Mapping File => file;

    public long Position { get; private set; } = position;

    public readonly long Remaining => file.Length - Position;

    /// <summary>A number of its natural width.</summary>
    /// <param name="what">What it is, for the message.</param>
    public T Read<T>(string what) where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        if (size > Remaining)
            throw Ends(what);
        var value = MemoryMarshal.Read<T>(file.Span(Position, size));
        Position += size;
        return value;
    }

    /// <summary>
    /// A count of things that take at least <paramref name="minBytes"/> bytes each, so that no count can exceed the file.
    /// </summary>
    public long ReadCount(string what, int minBytes)
    {
        var at = Position;
        var count = Read<ulong>(what);
        if (count > (ulong)(Remaining / minBytes))
            throw Fail(
                $"{what} at byte {at} is {count}, but the {Remaining} bytes that follow hold at most {Remaining / minBytes}; the file is damaged or cut short: download it again");
        return (long)count;
    }

    /// <summary>
    /// A length and that many bytes of UTF-8. A name must be valid, not empty and at most 65,535 bytes; a value may be what it is (bad
    /// bytes become U+FFFD).
    /// </summary>
    public string ReadString(string what, bool isName)
    {
        var at = Position;
        var length = ReadCount($"the length of {what}", 1);
        if (length > (isName ? ushort.MaxValue : int.MaxValue) || (isName && length == 0))
            throw Fail(
                $"{what} at byte {at} is {length} bytes long, where {(isName ? "1 to 65535" : "at most 2147483647")} are allowed; the file is damaged: download it again");
        var bytes = file.Span(Position, (int)length);
        Position += length;
        if (!isName)
            return Encoding.UTF8.GetString(bytes);
        try
        {
            return s_strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw Fail(
                $"{what} at byte {at} is not valid UTF-8 (0x{Convert.ToHexString(bytes[..Math.Min(bytes.Length, 16)])}); the file is damaged: download it again", e);
        }
    }

    /// <summary>Skips bytes that are known to exist.</summary>
    public void Skip(long bytes) => Position += bytes;

    public readonly ModelFileException Fail(string problem, Exception? inner = null) => new(file.Path, problem, inner);

    readonly ModelFileException Ends(string what) =>
        Fail($"the file ends at byte {file.Length}, where {what} should be; it is cut short: download it again");
}
