using System.Runtime.InteropServices;

namespace Banyan.Bench.Hub;

/// <summary>Files with the statistics of model weights.</summary>
static class Weights
{
    /// <summary>BF16 numbers of a normal distribution around zero, tensor by tensor with its own scale, as trained weights are.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bytes">Its length.</param>
    /// <param name="seed">Which numbers.</param>
    /// <param name="changed">Writes other numbers for this share of the tensors, spread evenly.</param>
    public static void Write(string path, long bytes, ulong seed, double changed = 0)
    {
        const int Tensor = 8 << 20;
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1);
        var tensor = new byte[Tensor];
        var every = changed > 0 ? (int)Math.Round(1 / changed) : int.MaxValue;
        for (var number = 0; bytes > 0; number++)
        {
            var length = (int)Math.Min(bytes, Tensor);
            Fill(tensor, seed + (ulong)number * 1_000_003 + (number % every == every - 1 ? 77UL : 0), 0.01f * (1 + number % 7));
            file.Write(tensor, 0, length);
            bytes -= length;
        }
    }

    // A sum of four uniform numbers is near enough to a normal one, and fast.
    static void Fill(byte[] tensor, ulong seed, float scale)
    {
        var numbers = MemoryMarshal.Cast<byte, ushort>(tensor.AsSpan());
        var state = seed;
        for (var i = 0; i < numbers.Length; i++)
        {
            state += 0x9E3779B97F4A7C15;
            var z = state;
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
            z = (z ^ z >> 27) * 0x94D049BB133111EB;
            z ^= z >> 31;
            var sum = (ushort)z + (ushort)(z >> 16) + (ushort)(z >> 32) + (ushort)(z >> 48) - 131070;
            numbers[i] = (ushort)(BitConverter.SingleToUInt32Bits(sum * (scale / 37837f)) >> 16);
        }
    }
}
