using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>
/// Every rung's integer kernels with all their memory ending at pages that nobody may touch, for every number of tokens they take.
/// </summary>
public unsafe class RungMemoryTests
{
    public static TheoryData<string, string> FormatsAndRungs =>
        [.. from f in PackedFormat.All where f.Kind != WeightKind.Float
            && !LinearTests.Alike.Contains(f.Format.Name) from r in RungProcess.Rungs select (f.Format.Name, r.Name)];

    const int Columns = 768, Blocks = Columns / ActivationBlock.Columns;

    [Theory]
    [MemberData(nameof(FormatsAndRungs))]
    public void Panels_stay_inside(string name, string rungName)
    {
        var (format, rung) = (PackedFormat.All.First(f => f.Format.Name == name), Ladder.Choose(rungName));
        // Memory is given from high addresses to low ones, or the other way: with one of the two the quants lie before their scales.
        using var first = Random(format.Groups(Columns) * format.QuantBytes);
        using var scales = Random(format.Groups(Columns) * format.ScaleBytes);
        LimitNumbers(format, scales.Pointer, format.Groups(Columns));
        using var last = Random(format.Groups(Columns) * format.QuantBytes);
        foreach (var candidate in Candidates(format).Where(rung.HasPanels))
        {
            PanelsStayInside(candidate, rung, scales, first);
            PanelsStayInside(candidate, rung, scales, last);
        }
    }

    // A format with its reference alone gives the same on every rung. Only I4 and I5 need more than that.
    static PackedFormat[] Candidates(PackedFormat format) =>
        format.Kind is WeightKind.I4 or WeightKind.I5 ? [format] : [format, format.Plain()];

    static void PanelsStayInside(PackedFormat format, Rung rung, GuardedMemory scales, GuardedMemory quants)
    {
        var expected = stackalloc float[16];
        for (var tokens = 1; tokens <= rung.PanelTokens; tokens++)
        {
            using var x = Tokens(tokens);
            using var y = new GuardedMemory(tokens * 64);
            rung.MultiplyPanel(format, scales.Pointer, quants.Pointer, Columns, (ActivationBlock*)x.Pointer, Blocks, tokens, y.Floats);
            for (var t = 0; t < tokens; t++)
            {
                new ScalarRung().MultiplyPanel(format, scales.Pointer, quants.Pointer, Columns,
                    (ActivationBlock*)x.Pointer + t * Blocks, Blocks, 1, expected);
                Assert.Equal(new Span<float>(expected, 16).ToArray(), new Span<float>(y.Floats + 16 * t, 16).ToArray());
            }
        }
    }

    [Theory]
    [MemberData(nameof(FormatsAndRungs))]
    public void Tiles_stay_inside(string name, string rungName)
    {
        foreach (var format in Candidates(PackedFormat.All.First(f => f.Format.Name == name)))
        {
            TilesStayInside(format, Ladder.Choose(rungName));
            if (Ladder.Choose(rungName).TakesTwoPanels(format))
                TwoPanelsStayInside(format, Ladder.Choose(rungName));
        }
    }

    static void TilesStayInside(PackedFormat format, Rung rung)
    {
        var groups = 512 / format.GroupColumns;
        using var scales = Random(groups * format.ScaleBytes);
        LimitNumbers(format, scales.Pointer, groups);
        using var quants = Random(groups * format.QuantBytes);
        using var unpacked = new GuardedMemory(Rung.ChunkBytes);
        rung.UnpackForTiles(format, scales.Pointer, quants.Pointer, groups, (UnpackedBlock*)unpacked.Pointer);
        var expected = stackalloc float[16];
        for (var tokens = 1; tokens <= 26; tokens++)
        {
            // Rungs that take tokens by the tile may touch the rest of the last one.
            var padded = (tokens + Activations.TokenTile - 1) / Activations.TokenTile * Activations.TokenTile;
            using var x = Tokens(padded);
            using var y = new GuardedMemory(padded * 64);
            rung.MultiplyTiles(format.Kind, (UnpackedBlock*)unpacked.Pointer, 16, (ActivationBlock*)x.Pointer, Blocks, tokens, y.Floats,
                quants.Pointer, quants.Length);
            for (var t = 0; t < tokens; t++)
            {
                new ScalarRung().MultiplyPanel(format, scales.Pointer, quants.Pointer, 512,
                    (ActivationBlock*)x.Pointer + t * Blocks, Blocks, 1, expected);
                Assert.Equal(new Span<float>(expected, 16).ToArray(), new Span<float>(y.Floats + 16 * t, 16).ToArray());
            }
        }
    }

    static void TwoPanelsStayInside(PackedFormat format, Rung rung)
    {
        const int Half = Rung.ChunkColumns / 2;
        var (bytes, quants) = (format.PanelBytes(Half), format.QuantOffset(Half));
        using var panels = Random((int)(2 * bytes));
        LimitNumbers(format, panels.Pointer, Half / format.GroupColumns);
        LimitNumbers(format, panels.Pointer + bytes, Half / format.GroupColumns);
        using var work = new GuardedMemory(Rung.ChunkBlocks * UnpackedBlock.Bytes);
        var expected = stackalloc float[16];
        for (var tokens = 1; tokens <= 13; tokens++)
        {
            using var x = Tokens(tokens);
            using var y = new GuardedMemory(2 * tokens * 64);
            rung.MultiplyTwoPanels(format, panels.Pointer, panels.Pointer + quants, bytes, Half / format.GroupColumns,
                (UnpackedBlock*)work.Pointer,
                (ActivationBlock*)x.Pointer, Blocks, tokens, y.Floats, tokens * 16, panels.Pointer + quants, terms: 1);
            for (var row = 0; row < 2 * tokens; row++)
            {
                var panel = panels.Pointer + row / tokens * bytes;
                new ScalarRung().MultiplyPanel(format, panel, panel + quants, Half,
                    (ActivationBlock*)x.Pointer + row % tokens * Blocks, Blocks, 1, expected);
                Assert.Equal(new Span<float>(expected, 16).ToArray(), new Span<float>(y.Floats + 16 * row, 16).ToArray());
            }
        }
    }

    static GuardedMemory Random(int bytes)
    {
        var memory = new GuardedMemory(bytes);
        new Random(bytes).NextBytes(new Span<byte>(memory.Pointer, bytes));
        // No half is a NaN or an infinity: their payloads need not agree.
        for (var i = 0; i < bytes; i++)
            memory.Pointer[i] &= 0xBB;
        return memory;
    }

    // Codes times their numbers are at most 63: a format of two bits has numbers of four, one of four bits has ones.
    static void LimitNumbers(PackedFormat format, byte* scales, int groups)
    {
        const int Floats = 2 * UnpackedBlock.Rows * sizeof(float);
        for (var i = 0; format.Kind == WeightKind.NumbersAndMins && i < groups * format.ScaleBytes; i++)
            if (i % format.ScaleBytes >= Floats)
                scales[i] &= (byte)(format.Format.Name == "Q2_K" ? 15 : 3);
    }

    static GuardedMemory Tokens(int tokens)
    {
        var memory = new GuardedMemory(tokens * Blocks * ActivationBlock.Bytes);
        fixed (float* x = RandomWeights.Floats(tokens * Columns, tokens))
            new ScalarRung().Quantize(x, tokens * Blocks, (ActivationBlock*)memory.Pointer);
        return memory;
    }
}
