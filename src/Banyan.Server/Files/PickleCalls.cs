using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace Banyan.Server.Files;

/// <summary>What a Python pickle would call when it is loaded, found from its opcodes without running any: the names that it imports
/// (GLOBAL, STACK_GLOBAL, INST). PyTorch's archives have theirs in <c>data.pkl</c>, older files several in sequence. It reports what was
/// seen, never that a file is safe.</summary>
/// <param name="Names">Imported names, <c>module.name</c>, those that weights usually have last.</param>
/// <param name="IsWhole">Whether it was read to its end; otherwise what else it calls is not known.</param>
public sealed partial record PickleCalls(IReadOnlyList<string> Names, bool IsWhole)
{
    const int MaxNames = 100, MaxOpcodes = 500_000, MaxName = 200, MaxUnzipped = 4 << 20;

    /// <summary>Whether a file of this name may be one.</summary>
    public static bool MayBe(string path) => Path.GetExtension(path).ToLowerInvariant() is ".pkl" or ".pickle" or ".pt" or ".pth" or ".bin"
        or ".ckpt" or ".joblib" or ".dill";

    /// <summary>Whether a name is usual in files of weights.</summary>
    public static bool IsUsual(string name) => Usual().IsMatch(name);

    /// <summary>Reads a file's beginning.</summary>
    /// <param name="bytes">Its bytes from the start.</param>
    /// <param name="isWhole">Whether these are all.</param>
    /// <returns>Null if it is no pickle.</returns>
    public static PickleCalls? Read(ReadOnlySpan<byte> bytes, bool isWhole)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        if (!bytes.StartsWith("PK\x03\x04"u8))
            return ReadAll(bytes, names) is { } all ? Of(names, all && isWhole) : null;
        if (isWhole)
            return Of(names, ReadArchive(bytes.ToArray(), names));
        // What is at its end decides which entries count: the one that was met may be another.
        if (Unzip(ref bytes))
            ReadAll(bytes, names, one: true);
        return Of(names, false);
    }

    /// <summary>Reads pickles behind each other.</summary>
    /// <returns>Whether they were read to their end; null if the first is none.</returns>
    static bool? ReadAll(ReadOnlySpan<byte> bytes, SortedSet<string> names, bool one = false)
    {
        var opcodes = 0;
        for (var first = true; ; first = false)
        {
            // Protocols 0 and 1 have no mark: they are one if they can be read to their end.
            var isMarked = bytes.Length > 1 && bytes[0] == 0x80 && bytes[1] is >= 2 and <= 5;
            if (!first && (one || !isMarked))
                return true;
            if (Scan(bytes, names, ref opcodes) is not { } end)
                return isMarked || !first ? false : null;
            bytes = bytes[end..];
        }
    }

    /// <summary>Reads the pickles of an archive, which its directory names.</summary>
    /// <returns>Whether all were read.</returns>
    static bool ReadArchive(byte[] file, SortedSet<string> names)
    {
        try
        {
            using var archive = new ZipArchive(new MemoryStream(file));
            var (any, whole, left) = (false, true, MaxUnzipped);
            foreach (var entry in archive.Entries.Where(e => e.Name.EndsWith(".pkl", StringComparison.Ordinal)))
            {
                if (left == 0)
                    return false;
                using var content = entry.Open();
                var bytes = new byte[Math.Min(entry.Length, left)];
                var read = content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
                left -= read;
                (any, whole) = (true, whole && read == entry.Length && ReadAll(bytes.AsSpan(0, read), names, one: true) == true);
            }
            return any && whole;
        }
        catch (InvalidDataException)
        {
            return false;
        }
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

    /// <summary>Follows the opcodes of one pickle with the stack that Python would have, on which only texts are known: a name may be
    /// imported from anywhere on it, or from the memo.</summary>
    /// <returns>Where it ends; null if it is cut off or is none.</returns>
    static int? Scan(ReadOnlySpan<byte> bytes, SortedSet<string> names, ref int opcodes)
    {
        var (stack, marks, memo, at) = (new Stack<string?>(), new Stack<int>(), new Dictionary<long, string?>(), 0);
        while (at < bytes.Length && ++opcodes < MaxOpcodes && names.Count <= MaxNames)
        {
            var opcode = bytes[at++];
            switch ((char)opcode)
            {
                case '.':
                    return at;
                case '(':
                    marks.Push(stack.Count);
                    break;
                case 'c' or 'i':
                    if (Line(bytes, ref at) is not { } module || Line(bytes, ref at) is not { } name)
                        return null;
                    names.Add(Cut($"{module}.{name}"));
                    if ((char)opcode == 'i')
                        PopToMark();
                    stack.Push(null);
                    break;
                case '\x93':
                    var (last, first) = (Pop(), Pop());
                    names.Add(first is null || last is null ? "?" : Cut($"{first}.{last}"));
                    stack.Push(null);
                    break;
                case '\x82' or '\x83' or '\x84': // by a number, which only the reader's Python knows
                    at += 1 << (opcode - 0x82);
                    names.Add("copyreg.?");
                    stack.Push(null);
                    break;
                case 'S' or 'V':
                    if (Line(bytes, ref at) is not { } line)
                        return null;
                    stack.Push((char)opcode == 'S' ? line.Trim('\'', '"') : line);
                    break;
                case 'U' or '\x8c' or 'T' or 'X' or '\x8d':
                    if (Take(bytes, ref at, (char)opcode switch { 'U' or '\x8c' => 1, '\x8d' => 8, _ => 4 }) is not { } text)
                        return null;
                    stack.Push(text);
                    break;
                case '0' when marks.Count > 0 && marks.Peek() == stack.Count:
                    marks.Pop();
                    break;
                case '0' or 'a' or 'b':
                    Pop();
                    break;
                case '1' or 'e' or 'u' or '\x90':
                    PopToMark();
                    break;
                case '2':
                    stack.Push(stack.Count > 0 ? stack.Peek() : null);
                    break;
                case 's':
                    Pop();
                    Pop();
                    break;
                case 't' or 'l' or 'd' or 'o' or '\x91':
                    PopToMark();
                    stack.Push(null);
                    break;
                case 'R' or 'Q' or '\x81' or '\x85' or '\x86' or '\x87' or '\x92':
                    for (var count = (char)opcode switch { 'Q' or '\x85' => 1, '\x87' or '\x92' => 3, _ => 2 }; count > 0; count--)
                        Pop();
                    stack.Push(null);
                    break;
                case 'g' or 'p':
                    if (Line(bytes, ref at) is not { } number || !long.TryParse(number, NumberStyles.Integer, null, out var place))
                        return null;
                    Remember((char)opcode == 'p', place);
                    break;
                case 'h' or 'q' or 'j' or 'r':
                    var length = (char)opcode is 'h' or 'q' ? 1 : 4;
                    if (at + length > bytes.Length)
                        return null;
                    Remember((char)opcode is 'q' or 'r', length == 1 ? bytes[at] : BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]));
                    at += length;
                    break;
                case '\x94':
                    Remember(true, memo.Count);
                    break;
                default:
                    if (!Skip(bytes, opcode, ref at))
                        return null;
                    if ((char)opcode is not ('\x80' or '\x95' or '\x98')) // of the protocol, a frame, a buffer: all others push something
                        stack.Push(null);
                    break;
            }
        }
        return null;

        string? Pop() => stack.Count > (marks.Count > 0 ? marks.Peek() : 0) ? stack.Pop() : null;

        void PopToMark()
        {
            for (var mark = marks.Count > 0 ? marks.Pop() : 0; stack.Count > mark;)
                stack.Pop();
        }

        void Remember(bool puts, long place)
        {
            if (puts)
                memo[place] = stack.Count > 0 ? stack.Peek() : null;
            else
                stack.Push(memo.GetValueOrDefault(place));
        }
    }

    /// <summary>
    /// Passes over what follows an opcode that imports nothing and takes nothing from the stack; false if there is no such opcode, or it is
    /// cut off.
    /// </summary>
    static bool Skip(ReadOnlySpan<byte> bytes, byte opcode, ref int at)
    {
        switch ((char)opcode)
        {
            case ')' or 'N' or '}' or ']' or '\x88' or '\x89' or '\x8f' or '\x97' or '\x98':
                return true;
            case 'F' or 'I' or 'L' or 'P':
                return Line(bytes, ref at) is not null;
            case 'K' or '\x80':
                at += 1;
                break;
            case 'M':
                at += 2;
                break;
            case 'J':
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

    [GeneratedRegex(@"^(collections\.OrderedDict|torch\._utils\._rebuild_(tensor|tensor_v2|parameter|device_tensor_from_numpy)|torch\.\w+Storage|torch\.(Size|device|dtype|bfloat16|float16|float32|float64|int8|int16|int32|int64|uint8|bool)|torch\.nn\.parameter\.Parameter|numpy(\._core|\.core)?(\.multiarray\._reconstruct|\.multiarray\.scalar|\.ndarray|\.dtype)|_codecs\.encode)\z")]
    private static partial Regex Usual();
}
