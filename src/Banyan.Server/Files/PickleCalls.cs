using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;

namespace Banyan.Server.Files;

/// <summary>
/// What a Python pickle would call when it is loaded, by its opcodes, without running any: names that it imports (GLOBAL,
/// STACK_GLOBAL, INST). PyTorch's archives have theirs in <c>data.pkl</c>, older ones several behind each other.
/// Says what was seen, never that it is safe.
/// </summary>
/// <param name="Names">Imported names, <c>module.name</c>, those that weights usually have last.</param>
/// <param name="IsWhole">Whether it was read to its end; otherwise what else it calls is not known.</param>
public sealed partial record PickleCalls(IReadOnlyList<string> Names, bool IsWhole)
{
    const int MaxNames = 100, MaxOpcodes = 2_000_000, MaxName = 200;

    /// <summary>Whether a file of this name may be one.</summary>
    public static bool MayBe(string path) => Path.GetExtension(path).ToLowerInvariant() is ".pkl" or ".pickle" or ".pt" or ".pth" or ".bin"
        or ".ckpt" or ".joblib" or ".dill";

    /// <summary>Whether a name is one that files of weights usually have.</summary>
    public static bool IsUsual(string name) => Usual().IsMatch(name);

    /// <summary>Reads a file's beginning.</summary>
    /// <param name="bytes">Its bytes from the start.</param>
    /// <param name="isWhole">Whether these are all.</param>
    /// <returns>Null if it is no pickle.</returns>
    public static PickleCalls? Read(ReadOnlySpan<byte> bytes, bool isWhole)
    {
        var isZip = bytes.StartsWith("PK\x03\x04"u8);
        if (isZip && !Unzip(ref bytes))
            return new([], false);
        var (names, whole, opcodes) = (new SortedSet<string>(StringComparer.Ordinal), false, 0);
        for (var first = true; first || (!isZip && bytes.Length > 1 && bytes[0] == 0x80 && bytes[1] is >= 2 and <= 5); first = false)
        {
            // Protocols 0 and 1 have no mark: they are one if they can be read to their end.
            var isMarked = bytes.Length > 1 && bytes[0] == 0x80 && bytes[1] is >= 2 and <= 5;
            if (Scan(bytes, names, ref opcodes) is not { } end)
                return isMarked || isZip || !first ? Of(names, false) : null;
            whole = isWhole || isZip;
            bytes = bytes[end..];
        }
        return Of(names, whole);
    }

    static PickleCalls Of(SortedSet<string> names, bool isWhole) =>
        new([.. names.OrderBy(IsUsual).Take(MaxNames)], isWhole && names.Count <= MaxNames);

    /// <summary>The stored <c>data.pkl</c> of an archive that begins here.</summary>
    static bool Unzip(ref ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 30 && bytes.StartsWith("PK\x03\x04"u8))
        {
            var (flags, method, size) = (BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]),
                BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[18..]));
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes[26..]);
            int extra = BinaryPrimitives.ReadUInt16LittleEndian(bytes[28..]);
            if (bytes.Length < 30 + nameLength + extra)
                return false;
            var name = Encoding.UTF8.GetString(bytes.Slice(30, nameLength));
            bytes = bytes[(30 + nameLength + extra)..];
            if (name == "data.pkl" || name.EndsWith("/data.pkl", StringComparison.Ordinal))
                return method == 0;
            if ((flags & 8) != 0 || size > (uint)bytes.Length)
                return false;
            bytes = bytes[(int)size..];
        }
        return false;
    }

    /// <summary>Goes through the opcodes of one pickle.</summary>
    /// <returns>Where it ends; null if it is cut off or is none.</returns>
    static int? Scan(ReadOnlySpan<byte> bytes, SortedSet<string> names, ref int opcodes)
    {
        // Of the stack only texts matter: a name that is imported is the last two of them, which a memo may have kept.
        var (texts, memo, at, memoized) = (new List<string>(), new Dictionary<long, string>(), 0, 0L);
        while (at < bytes.Length && ++opcodes < MaxOpcodes && names.Count <= MaxNames)
        {
            var opcode = bytes[at++];
            string? text = null;
            switch ((char)opcode)
            {
                case '.':
                    return at;
                case 'c' or 'i':
                    if (Line(bytes, ref at) is not { } module || Line(bytes, ref at) is not { } name)
                        return null;
                    names.Add(Cut($"{module}.{name}"));
                    break;
                case '\x93':
                    names.Add(Cut(texts.Count >= 2 ? $"{texts[^2]}.{texts[^1]}" : "?"));
                    break;
                case 'S' or 'V':
                    if ((text = Line(bytes, ref at)) is null)
                        return null;
                    text = text.Trim('\'', '"');
                    break;
                case 'U' or '\x8c' when Take(bytes, ref at, 1) is { } said:
                    text = said;
                    break;
                case 'T' or 'X' when Take(bytes, ref at, 4) is { } said:
                    text = said;
                    break;
                case '\x8d' when Take(bytes, ref at, 8) is { } said:
                    text = said;
                    break;
                case '\x94' when texts.Count > 0:
                    memo[memoized++] = texts[^1];
                    break;
                case '\x94':
                    memoized++;
                    break;
                case 'q' or 'r' or 'h' or 'j':
                    var length = (char)opcode is 'q' or 'h' ? 1 : 4;
                    if (at + length > bytes.Length)
                        return null;
                    var key = length == 1 ? bytes[at] : BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
                    at += length;
                    if ((char)opcode is 'q' or 'r')
                    {
                        if (texts.Count > 0)
                            memo[key] = texts[^1];
                    }
                    else
                        text = memo.GetValueOrDefault(key);
                    break;
                default:
                    if (Skip(bytes, opcode, ref at))
                        break;
                    return null;
            }
            if (text is not null)
                texts.Add(text);
            if (texts.Count > 1000)
                texts.RemoveRange(0, 900);
        }
        return null;
    }

    /// <summary>Passes over what follows an opcode that imports nothing; false if there is no such opcode, or it is cut off.</summary>
    static bool Skip(ReadOnlySpan<byte> bytes, byte opcode, ref int at)
    {
        switch ((char)opcode)
        {
            case '(' or ')' or '0' or '1' or '2' or 'N' or 'Q' or 'R' or 'a' or 'b' or 'd' or '}' or 'e' or 'l' or ']' or 'o' or 's' or 't'
                or 'u' or '\x81' or '\x85' or '\x86' or '\x87' or '\x88' or '\x89' or '\x8f'
                or '\x90' or '\x91' or '\x92' or '\x97' or '\x98':
                return true;
            case 'F' or 'I' or 'L' or 'P' or 'g' or 'p':
                return Line(bytes, ref at) is not null;
            case 'K' or '\x80' or '\x82':
                at += 1;
                break;
            case 'M' or '\x83':
                at += 2;
                break;
            case 'J' or '\x84':
                at += 4;
                break;
            case 'G' or '\x95':
                at += 8;
                break;
            case 'C' or '\x8a':
                return Take(bytes, ref at, 1) is not null;
            case 'B' or '\x8b':
                return Take(bytes, ref at, 4) is not null;
            case '\x8e' or '\x96':
                return Take(bytes, ref at, 8) is not null;
            default:
                return false;
        }
        return at <= bytes.Length;
    }

    static string? Line(ReadOnlySpan<byte> bytes, ref int at)
    {
        var length = bytes[at..].IndexOf((byte)'\n');
        if (length < 0)
            return null;
        var line = Text(bytes.Slice(at, length));
        at += length + 1;
        return line;
    }

    /// <summary>A text, or bytes, after its length.</summary>
    static string? Take(ReadOnlySpan<byte> bytes, ref int at, int lengthBytes)
    {
        if (at + lengthBytes > bytes.Length)
            return null;
        var length = lengthBytes switch
        {
            1 => bytes[at],
            4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..])
        };
        if (length > (ulong)(bytes.Length - at - lengthBytes))
            return null;
        var text = Text(bytes.Slice(at + lengthBytes, (int)length));
        at += lengthBytes + (int)length;
        return text;
    }

    static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes.Length > MaxName ? bytes[..MaxName] : bytes);

    static string Cut(string name) => name.Length > MaxName ? name[..MaxName] + "…" : name;

    [GeneratedRegex(@"^(collections\.OrderedDict|torch\._utils\._rebuild_(tensor|tensor_v2|parameter|device_tensor_from_numpy)|torch\.\w+Storage|torch\.storage\._load_from_bytes|torch\.(Size|device|dtype|bfloat16|float16|float32|float64|int8|int16|int32|int64|uint8|bool)|torch\.nn\.parameter\.Parameter|numpy(\._core|\.core)?(\.multiarray\._reconstruct|\.multiarray\.scalar|\.ndarray|\.dtype)|_codecs\.encode)\z")]
    private static partial Regex Usual();
}
