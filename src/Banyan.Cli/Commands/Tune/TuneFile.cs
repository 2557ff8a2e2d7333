using Banyan.Cli.Settings;
using Banyan.Training;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary>The file that repeats a run: everything that decides its result, also what was left to defaults.</summary>
static class TuneFile
{
    /// <summary>Its name in the run's folder.</summary>
    public const string Name = "tune.toml";

    /// <summary>Options that decide nothing of the result, and are not in it.</summary>
    public static readonly string[] LeftOut = ["--config", "--threads", "--recompute", "--restart", "--json", "--checkpoint-every", "--price-per-kwh", "--watts"];

    /// <summary>Writes it into the run's folder.</summary>
    public static void Write(string output, TuneNames names, DataOptions data, TuneOptions options, string? type)
    {
        var (path, temporary) = (Path.Combine(output, Name), Path.Combine(output, Name + ".tmp"));
        File.WriteAllText(temporary, RunFile.Text("Repeats this run: banyan tune --config tune.toml --out DIR", Values(names, output, data, options, type)));
        File.Move(temporary, path, overwrite: true);
    }

    static IEnumerable<(string, object?)> Values(TuneNames names, string output, DataOptions data, TuneOptions options, string? type) =>
    [
        ("base", names.Base.Exactly),
        ("data", names.Data.Exactly),
        ("out", output),
        ("seed", options.Seed),
        ("method", MethodName(options)),
        ("objective", Lower(options.Objective)),
        ("steps", options.Steps),
        ("epochs", options.Steps is null ? options.Epochs : null),
        ("rank", HasAdapter(options) ? options.Rank : null),
        ("alpha", HasAdapter(options) ? options.Alpha : null),
        ("type", type),
        ("base-name", names.GivenName),
        ("target", options.TargetModules.Count > 0 ? options.TargetModules : null),
        ("top-layers", options.TopLayers),
        ("lr", options.HighestRate),
        ("warmup", options.Warmup),
        ("weight-decay", options.WeightDecay),
        ("clip", options.ClipNorm),
        ("beta", options.DpoBeta),
        ("length", options.SequenceLength),
        ("batch", options.SequencesPerStep),
        ("evaluate-every", options.EvaluateEvery),
        ("format", data.Format is { } format ? Lower(format) : null),
        ("held-out", names.HeldOut?.Exactly),
        ("held-out-share", data.HeldOutShare),
        ("fim", data.Fim),
        ("skip-bad", data.SkipBad),
        ("too-long", Lower(data.TooLong)),
    ];

    /// <summary>The method as <c>--method</c> has it.</summary>
    public static string MethodName(TuneOptions options) => options.RankStabilized ? "rslora" : Lower(options.Method);

    static bool HasAdapter(TuneOptions options) => options.Method is TuneMethod.Lora or TuneMethod.Dora;

    static string Lower<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
