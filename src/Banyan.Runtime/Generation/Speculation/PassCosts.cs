namespace Banyan.Runtime.Generation.Speculation;

/// <summary>The time of a pass by its number of rows, measured continuously. Old measurements expire, and an unknown number of rows is
/// assumed to cost little more than its neighbour, so it is tried again from time to time. A disturbed measurement is bounded by the cost
/// of passes with more rows.</summary>
internal sealed class PassCosts
{
    const int Fine = 16, Coarse = 4, Buckets = 32;
    const int ForgetAfter = 512;
    const double Weight = 0.15, AssumedPerRow = 0.02;

    readonly double[] _seconds = new double[Buckets];
    readonly int[] _seen = new int[Buckets];
    int _passes;

    /// <summary>The maximum rows that are told apart.</summary>
    public const int MaxRows = Fine + Coarse * (Buckets - Fine - 1);

    static int Bucket(int rows) => Math.Min(Buckets - 1, rows <= Fine ? rows - 1 : Fine - 1 + (rows - Fine + Coarse - 1) / Coarse);

    static int Rows(int bucket) => bucket < Fine ? bucket + 1 : Fine + (bucket - Fine + 1) * Coarse;

    public void Observe(int rows, double seconds)
    {
        var bucket = Bucket(rows);
        ref var known = ref _seconds[bucket];
        // One pass in which another program had the processor must not count for long.
        known = known == 0 ? seconds : known + Weight * (Math.Min(seconds, 3 * known) - known);
        _seen[bucket] = ++_passes;
    }

    /// <summary>Seconds of a pass of that many rows; 0 if nothing is known at all.</summary>
    public double Predict(int rows)
    {
        var bucket = Bucket(rows);
        var (below, above) = (bucket, bucket + 1);
        while (below >= 0 && !Knows(below))
            below--;
        while (above < Buckets && !Knows(above))
            above++;
        if (below == bucket)
            return LeastFrom(bucket);
        if (below < 0)
            return above < Buckets ? LeastFrom(above) : 0;
        var known = LeastFrom(below);
        var assumed = known * (1 + AssumedPerRow * (rows - Rows(below)));
        if (above == Buckets)
            return assumed;
        var between = (double)(rows - Rows(below)) / (Rows(above) - Rows(below));
        return Math.Min(assumed, known + between * Math.Max(0, LeastFrom(above) - known));
    }

    double LeastFrom(int bucket)
    {
        var least = double.PositiveInfinity;
        for (; bucket < Buckets; bucket++)
            if (Knows(bucket))
                least = Math.Min(least, _seconds[bucket]);
        return least;
    }

    bool Knows(int bucket) => _seconds[bucket] > 0 && _passes - _seen[bucket] < ForgetAfter;
}
