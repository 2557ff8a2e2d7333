using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Banyan.Server.Viewer.Parquet;

/// <summary>Makes values of stored bytes.</summary>
static class ParquetValue
{
    const int MaxDecimal = 64, MediaStart = 64;

    static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    /// <summary>The value as <see cref="Cell"/> knows it.</summary>
    /// <param name="leaf">The column.</param>
    /// <param name="bytes">As stored.</param>
    /// <param name="maxText">The longest text; of bytes so many are kept, but never fewer than show what they are.</param>
    public static object? Of(ParquetNode leaf, ReadOnlyMemory<byte> bytes, int maxText)
    {
        var span = bytes.Span;
        switch (leaf.Physical)
        {
            case Physical.Boolean:
                return span[0] != 0;
            case Physical.Int32:
                return Whole(leaf, BinaryPrimitives.ReadInt32LittleEndian(span));
            case Physical.Int64:
                return leaf.Meaning == Meaning.Unsigned && BinaryPrimitives.ReadUInt64LittleEndian(span) is > long.MaxValue and var large
                    ? large.ToString(CultureInfo.InvariantCulture) : Whole(leaf, BinaryPrimitives.ReadInt64LittleEndian(span));
            case Physical.Int96:
                return Time(DayTicks(BinaryPrimitives.ReadInt32LittleEndian(span[8..]) - 2_440_588L,
                    BinaryPrimitives.ReadInt64LittleEndian(span) / 100));
            case Physical.Float:
                // The shortest text that means this number, not the 17 digits of its double.
                return BinaryPrimitives.ReadSingleLittleEndian(span) is var single && float.IsFinite(single)
                    ? double.Parse(single.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : single;
            case Physical.Double:
                return BinaryPrimitives.ReadDoubleLittleEndian(span);
        }
        return leaf.Meaning switch
        {
            Meaning.Text => Text(span, maxText),
            Meaning.Decimal when span.Length <= MaxDecimal => Decimal(new BigInteger(span, isBigEndian: true), leaf.Scale),
            Meaning.Uuid when span.Length == 16 => new Guid(span, bigEndian: true).ToString(),
            Meaning.Half when span.Length == 2 => (double)BinaryPrimitives.ReadHalfLittleEndian(span),
            _ => (object?)Plain(span, maxText)
                ?? new CellBytes(bytes.Length, bytes[..Math.Min(bytes.Length, Math.Max(MediaStart, maxText))].ToArray()),
        };
    }

    static object Whole(ParquetNode leaf, long value) => leaf.Meaning switch
    {
        Meaning.Decimal => Decimal(value, leaf.Scale),
        Meaning.Date => Time(DayTicks(value, 0))[..10],
        Meaning.TimeMillis => OfDay(value * TimeSpan.TicksPerMillisecond),
        Meaning.TimeMicros => OfDay(value * 10),
        Meaning.TimeNanos => OfDay(value / 100),
        Meaning.Millis => Time(Ticks(value, TimeSpan.TicksPerMillisecond)),
        Meaning.Micros => Time(Ticks(value, 10)),
        Meaning.Nanos => Time((Int128)value / 100 + DateTime.UnixEpoch.Ticks),
        Meaning.Unsigned when leaf.Physical == Physical.Int32 => (long)(uint)value,
        _ => value,
    };

    static Int128 Ticks(long value, long unit) => (Int128)value * unit + DateTime.UnixEpoch.Ticks;

    static Int128 DayTicks(long days, long ticks) => (Int128)days * TimeSpan.TicksPerDay + ticks + DateTime.UnixEpoch.Ticks;

    static string OfDay(long ticks) => ticks is >= 0 and < TimeSpan.TicksPerDay
        ? new TimeOnly(ticks).ToString(ticks % TimeSpan.TicksPerSecond == 0 ? "HH:mm:ss" : "HH:mm:ss.FFFFFF",
            CultureInfo.InvariantCulture) : $"{ticks} ticks";

    static string Time(Int128 ticks) => ticks >= 0 && ticks <= DateTime.MaxValue.Ticks
        ? new DateTime((long)ticks).ToString("yyyy-MM-dd HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture) : "outside of years 1 to 9999";

    static string Decimal(BigInteger value, int scale)
    {
        if (scale == 0)
            return value.ToString(CultureInfo.InvariantCulture);
        var digits = BigInteger.Abs(value).ToString(CultureInfo.InvariantCulture).PadLeft(scale + 1, '0');
        return $"{(value.Sign < 0 ? "-" : "")}{digits[..^scale]}.{digits[^scale..]}";
    }

    static string Text(ReadOnlySpan<byte> bytes, int max) =>
        Cell.Cut(Encoding.UTF8.GetString(bytes[..(int)Math.Min(bytes.Length, 4L * max + 4)]), max);

    /// <summary>Old writers do not say that a column is text: what can be read as text is.</summary>
    static string? Plain(ReadOnlySpan<byte> bytes, int max)
    {
        var start = bytes[..(int)Math.Min(bytes.Length, 4L * max + 4)];
        if (start.IndexOfAnyInRange((byte)0, (byte)8) >= 0)
            return null;
        try
        {
            return Cell.Cut(start.Length < bytes.Length ? Text(bytes, max) : s_strict.GetString(start), max);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
