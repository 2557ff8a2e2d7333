namespace Banyan.Runtime.Kernels;

/// <summary>How elementwise work is divided.</summary>
internal static class Parts
{
    /// <summary>Values below which one more thread costs more than it saves.</summary>
    const int ValuesPerPart = 16 * 1024;

    /// <summary>Into how many parts to divide <paramref name="items"/> items of <paramref name="values"/> values in all; at least 1.</summary>
    public static int ForWork(long values, int items) => (int)Math.Clamp(values / ValuesPerPart, 1, Math.Clamp(items, 1, 256));

    /// <summary>The items of one part.</summary>
    public static (int First, int End) Range(int part, int parts, int items) =>
        ((int)((long)items * part / parts), (int)((long)items * (part + 1) / parts));
}
