namespace Banyan.Training;

/// <summary>The remaining work of a run.</summary>
/// <param name="Steps">Steps.</param>
/// <param name="Training">Their forward and backward passes, in multiplications of the forward passes.</param>
/// <param name="Evaluation">Forward passes of all evaluations, and of the comparison at the end.</param>
/// <param name="Bytes">Bytes of all checkpoints and of the result.</param>
internal readonly record struct WorkLeft(int Steps, double Training, double Evaluation, double Bytes)
{
    /// <summary>How many of the steps after <paramref name="step"/> are followed by something that the last and every n-th are.</summary>
    public static int Times(int step, int steps, int every) =>
        step >= steps ? 0 : every == 0 ? 1 : steps / every - step / every + (steps % every == 0 ? 0 : 1);
}

/// <summary>The seconds that a unit of each part of a run takes.</summary>
/// <param name="Training">A multiplication of a sequence's forward pass, with its backward pass.</param>
/// <param name="Evaluation">A multiplication of a forward pass alone.</param>
/// <param name="Update">A step's update of what is trained.</param>
/// <param name="Byte">A byte that is written and flushed.</param>
internal readonly record struct RunCosts(double Training, double Evaluation, double Update, double Byte)
{
    /// <summary>The time that the work takes.</summary>
    public TimeSpan Of(WorkLeft left)
    {
        var seconds = left.Training * Training + left.Evaluation * Evaluation + left.Steps * Update + left.Bytes * Byte;
        return TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.MaxValue.TotalSeconds / 2));
    }

    /// <summary>Seconds per unit of consecutive measurements: the median of the second half. In the first half, code is compiled and memory
    /// is touched for the first time; the median ignores short interruptions.</summary>
    public static double PerUnit(IReadOnlyList<(double Work, double Seconds)> done)
    {
        double[] rates = [.. done.Skip(done.Count / 2).Select(d => d.Seconds / d.Work).Order()];
        return rates.Length == 0 ? 0 : (rates[(rates.Length - 1) / 2] + rates[rates.Length / 2]) / 2;
    }
}
