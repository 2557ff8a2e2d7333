namespace Banyan.Evaluation.Languages;

/// <summary>A language and the same sentences in it.</summary>
/// <param name="Code">ISO 639, e.g. <c>sw</c>.</param>
/// <param name="Name">In English.</param>
/// <param name="Sentences">In the order of all languages.</param>
public sealed record LanguageSample(string Code, string Name, IReadOnlyList<string> Sentences);

/// <summary>The same ten everyday sentences in many languages, written for Banyan. English is the first.</summary>
public static class ParallelSentences
{
    /// <summary>Every language.</summary>
    public static IReadOnlyList<LanguageSample> All { get; } = Read();

    static List<LanguageSample> Read()
    {
        using var reader = new StreamReader(typeof(ParallelSentences).Assembly.GetManifestResourceStream("Sentences.txt")!);
        var samples = new List<LanguageSample>();
        foreach (var line in reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            if (line.Split(' ', 3) is ["#", var code, var name])
                samples.Add(new(code, name, new List<string>()));
            else
                ((List<string>)samples[^1].Sentences).Add(line);
        return samples;
    }
}
