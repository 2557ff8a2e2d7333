using System.Text;

namespace Banyan.Training.Parameters;

/// <summary>Random numbers that depend on a seed and a purpose alone (SplitMix64), the same on every machine. Any of a run's draws can be
/// repeated, so no state has to be saved.</summary>
internal struct RandomNumbers
{
    ulong _state;

    /// <param name="seed">The run's.</param>
    /// <param name="purpose">What for: a parameter's name, an epoch.</param>
    public RandomNumbers(ulong seed, string purpose)
    {
        _state = seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03;
        foreach (var value in Encoding.UTF8.GetBytes(purpose))
            _state = (Next() ^ value) * 0x100000001B3;
    }

    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>In [0, 1).</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>In [0, bound).</summary>
    public int Next(int bound) => (int)(((UInt128)Next() * (uint)bound) >> 64);

    /// <summary>Of mean 0 and deviation 1 (Box and Muller).</summary>
    public double NextNormal() => Math.Sqrt(-2 * Math.Log(1 - NextDouble())) * Math.Cos(2 * Math.PI * NextDouble());

    public void Shuffle(Span<int> values)
    {
        for (var i = values.Length - 1; i > 0; i--)
        {
            var j = Next(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }
}
