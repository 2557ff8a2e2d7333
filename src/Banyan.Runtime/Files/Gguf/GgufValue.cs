using System.Runtime.CompilerServices;

namespace Banyan.Runtime.Files.Gguf;

/// <summary>GGUF metadata values. Arrays are only measured when the file is opened, and made when asked for.</summary>
static class GgufValue
{
    const int DeepestArray = 8;

    /// <summary>Reads a value of the given type; an array becomes a <see cref="MetadataArray"/>.</summary>
    public static object Read(ref GgufCursor cursor, string key, uint type)
    {
        var what = $"metadata '{key}'";
        switch ((GgufValueType)type)
        {
            case GgufValueType.UInt8: return cursor.Read<byte>(what);
            case GgufValueType.Int8: return cursor.Read<sbyte>(what);
            case GgufValueType.UInt16: return cursor.Read<ushort>(what);
            case GgufValueType.Int16: return cursor.Read<short>(what);
            case GgufValueType.UInt32: return cursor.Read<uint>(what);
            case GgufValueType.Int32: return cursor.Read<int>(what);
            case GgufValueType.Float32: return cursor.Read<float>(what);
            case GgufValueType.UInt64: return cursor.Read<ulong>(what);
            case GgufValueType.Int64: return cursor.Read<long>(what);
            case GgufValueType.Float64: return cursor.Read<double>(what);
            case GgufValueType.String: return cursor.ReadString(what, isName: false);
            case GgufValueType.Bool:
                var flag = cursor.Read<byte>(what);
                return flag <= 1 ? flag == 1
                    : throw cursor.Fail(
                        $"{what} is a bool of value {flag}, where 0 or 1 is needed; the file is damaged: download it again");
            case GgufValueType.Array:
                var (element, count) = ReadArrayHeader(ref cursor, what);
                var start = cursor;
                SkipElements(ref cursor, what, element, count, depth: 1);
                return new MetadataArray(() => start.File.Read(() =>
                {
                    var again = start;
                    return Make(ref again, what, element, count);
                }));
            default:
                throw cursor.Fail(
                    $"{what} has type {type}, where 0 to 12 are known; the file is damaged, or newer than this program: download it again or update");
        }
    }

    static (GgufValueType Element, int Count) ReadArrayHeader(ref GgufCursor cursor, string what)
    {
        var element = cursor.Read<uint>($"the element type of {what}");
        if (element > (uint)GgufValueType.Float64)
            throw cursor.Fail($"{what} is an array of type {element}, where 0 to 12 are known; the file is damaged: download it again");
        var count = cursor.ReadCount($"the length of the array {what}", MinimumBytes((GgufValueType)element));
        return count <= Array.MaxLength ? ((GgufValueType)element, (int)count)
            : throw cursor.Fail(
                $"{what} is an array of {count} elements, where at most {Array.MaxLength} are allowed; the file is damaged: download it again");
    }

    static void SkipElements(ref GgufCursor cursor, string what, GgufValueType element, int count, int depth)
    {
        if (element == GgufValueType.Array)
        {
            if (depth == DeepestArray)
                throw cursor.Fail($"{what} has arrays nested deeper than {DeepestArray}; the file is damaged: download it again");
            for (var i = 0; i < count; i++)
            {
                var (inner, innerCount) = ReadArrayHeader(ref cursor, what);
                SkipElements(ref cursor, what, inner, innerCount, depth + 1);
            }
        }
        else if (element == GgufValueType.String)
        {
            for (var i = 0; i < count; i++)
            {
                var length = cursor.Remaining >= 8 ? cursor.Read<ulong>(what) : ulong.MaxValue;
                if (length > (ulong)cursor.Remaining || length > int.MaxValue)
                    throw cursor.Fail(
                        $"string {i} of {count} of {what} does not fit the file (length {length}, {cursor.Remaining} bytes left); the file is damaged or cut short: download it again");
                cursor.Skip((long)length);
            }
        }
        else
        {
            cursor.Skip((long)count * MinimumBytes(element)); // the count was checked against the bytes left
        }
    }

    static Array Make(ref GgufCursor cursor, string what, GgufValueType element, int count)
    {
        switch (element)
        {
            case GgufValueType.UInt8: return Numbers<byte>(ref cursor, count);
            case GgufValueType.Int8: return Numbers<sbyte>(ref cursor, count);
            case GgufValueType.UInt16: return Numbers<ushort>(ref cursor, count);
            case GgufValueType.Int16: return Numbers<short>(ref cursor, count);
            case GgufValueType.UInt32: return Numbers<uint>(ref cursor, count);
            case GgufValueType.Int32: return Numbers<int>(ref cursor, count);
            case GgufValueType.Float32: return Numbers<float>(ref cursor, count);
            case GgufValueType.UInt64: return Numbers<ulong>(ref cursor, count);
            case GgufValueType.Int64: return Numbers<long>(ref cursor, count);
            case GgufValueType.Float64: return Numbers<double>(ref cursor, count);
            case GgufValueType.Bool: return Array.ConvertAll(Numbers<byte>(ref cursor, count), b => b != 0);
            case GgufValueType.String:
                var strings = new string[count];
                for (var i = 0; i < count; i++)
                    strings[i] = cursor.ReadString(what, isName: false);
                return strings;
            default:
                var arrays = new Array[count];
                for (var i = 0; i < count; i++)
                {
                    var (inner, innerCount) = ReadArrayHeader(ref cursor, what);
                    arrays[i] = Make(ref cursor, what, inner, innerCount);
                }
                return arrays;
        }
    }

    static unsafe T[] Numbers<T>(ref GgufCursor cursor, int count) where T : unmanaged
    {
        var result = new T[count];
        var bytes = (long)count * Unsafe.SizeOf<T>();
        fixed (T* destination = result)
            Buffer.MemoryCopy(cursor.File.Pointer(cursor.Position, bytes), destination, bytes, bytes);
        cursor.Skip(bytes);
        return result;
    }

    /// <summary>Bytes of a value; of a string or array, of an empty one.</summary>
    static int MinimumBytes(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.Array => 12,
        _ => 8,
    };
}
