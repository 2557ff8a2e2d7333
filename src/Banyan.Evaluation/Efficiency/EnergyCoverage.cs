namespace Banyan.Evaluation.Efficiency;

/// <summary>
/// What an energy figure covers, in words: <c>processor</c>, <c>graphics cards</c>, <c>processor and graphics cards</c>; or <c>1 of 2
/// graphics cards</c> if the others have no counter.
/// </summary>
public static class EnergyCoverage
{
    /// <summary>The processor packages; also the meaning of older transcripts that do not say.</summary>
    public const string Processor = "processor";

    /// <summary>All of NVIDIA's cards.</summary>
    public const string Cards = "graphics cards";

    /// <summary>The counters that were read: <c>RAPL</c>, <c>NVML</c> or both.</summary>
    /// <param name="of">What is covered; null for the processor.</param>
    public static string Counters(string? of) => (of ?? Processor) switch
    {
        var words when !words.EndsWith(Cards, StringComparison.Ordinal) => "RAPL",
        var words when words.StartsWith(Processor, StringComparison.Ordinal) => "RAPL, NVML",
        _ => "NVML",
    };
}
