using System.Globalization;
using Banyan.Cli.Settings;
using Banyan.Training;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary>The file that repeats a run: everything that determines its result, including defaults.</summary>
static class TuneFile
{
    /// <summary>Its name in the run's folder.</summary>
    public const string Name = "tune.toml";

    /// <summary>Options that do not affect the result and are not written.</summary>
    public static readonly string[] LeftOut = ["--config", "--threads", "--recompute", "--restart", "--json", "--report",
        "--checkpoint-every", "--price-per-kwh", "--watts"];

    /// <summary>Writes it into the run's folder.</summary>
    public static void Write(string output, TuneNames names, DataOptions data, TuneOptions options, string? type, int? extendVocabulary)
    {
        var (path, temporary) = (Path.Combine(output, Name), Path.Combine(output, Name + ".tmp"));
        File.WriteAllText(temporary,
            RunFile.Text($"Repeats this run: banyan tune {(names.Teacher is null ? "" : "distill ")}--config tune.toml --out DIR",
                Values(names, output, data, options, type, extendVocabulary)));
        File.Move(temporary, path, overwrite: true);
        // What is of this machine alone is not pushed with the rest: the data as tokens, the checkpoint, and paths.
        var ignore = Path.Combine(output, ".gitignore");
        if (!File.Exists(ignore))
            File.WriteAllText(ignore, $"/{TuneRun.WorkFolder}/\n/{Name}\n");
    }

    /// <summary>The data options of the run that wrote a folder; null if the folder has no such file.</summary>
    /// <exception cref="CommandException">The file is damaged.</exception>
    public static DataOptions? ReadData(string folder)
    {
        var path = Path.Combine(folder, Name);
        if (!File.Exists(path))
            return null;
        var problems = new List<string>();
        var said = SettingsFile.Read(path, problems).ToDictionary(e => e.Name, e => e.Values[0]);
        string Said(string name) => said.GetValueOrDefault(name)
            ?? throw new CommandException($"{path} has no {name}: it is not as a run wrote it");
        double Number(string name) => double.TryParse(Said(name), CultureInfo.InvariantCulture, out var number) ? number
            : throw new CommandException($"{path}: {name} is no number");
        return problems.Count > 0 ? throw new CommandException(string.Join("; ", problems)) : new DataOptions(Said("data"))
        {
            HeldOutPath = said.GetValueOrDefault("held-out"),
            HeldOutShare = Number("held-out-share"),
            Format = said.TryGetValue("format", out var format)
                && Enum.TryParse<DataFormat>(format, ignoreCase: true, out var known) ? known : null,
            Fim = Number("fim"),
            SkipBad = Said("skip-bad") == "true",
            ParseSpecial = said.GetValueOrDefault("parse-special") == "true",
            TooLong = Enum.TryParse<TooLong>(Said("too-long"), ignoreCase: true, out var tooLong) ? tooLong : TooLong.Cut,
            MaxTokens = (int)Number("length"),
        };
    }

    static IEnumerable<(string, object?)> Values(TuneNames names, string output, DataOptions data, TuneOptions options, string? type,
        int? extendVocabulary) =>
    [
        ("teacher", names.Teacher?.Exactly),
        ("base", names.Base.Exactly),
        ("data", names.Data.Exactly),
        ("out", output),
        ("seed", options.Seed),
        ("method", MethodName(options)),
        ("objective", names.Teacher is null ? Lower(options.Objective) : null),
        ("steps", options.Steps),
        ("epochs", options.Steps is null ? options.Epochs : null),
        ("rank", HasAdapter(options) ? options.Rank : null),
        ("alpha", HasAdapter(options) ? options.Alpha : null),
        ("type", type),
        ("base-name", names.GivenName),
        ("extend-vocabulary", extendVocabulary),
        ("target", options.TargetModules.Count > 0 ? options.TargetModules : null),
        ("top-layers", options.TopLayers),
        ("lr", options.HighestRate),
        ("warmup", options.Warmup),
        ("optimizer", Lower(options.Optimizer)),
        ("beta2", options.Beta2),
        ("weight-decay", options.WeightDecay),
        ("clip", options.ClipNorm),
        ("beta", options.DpoBeta),
        ("temperature", names.Teacher is null ? null : options.DistillTemperature),
        ("mix", names.Teacher is null ? null : options.DistillMix),
        ("length", options.SequenceLength),
        ("batch", options.SequencesPerStep),
        ("precision", Lower(options.Precision)),
        ("evaluate-every", options.EvaluateEvery),
        ("format", data.Format is { } format ? Lower(format) : null),
        ("held-out", names.HeldOut?.Exactly),
        ("held-out-share", data.HeldOutShare),
        ("fim", data.Fim),
        ("skip-bad", data.SkipBad),
        ("parse-special", data.ParseSpecial),
        ("too-long", Lower(data.TooLong)),
    ];

    /// <summary>The value of <c>--method</c>.</summary>
    public static string MethodName(TuneOptions options) => options.RankStabilized ? "rslora" : Lower(options.Method);

    static bool HasAdapter(TuneOptions options) => options.Method is TuneMethod.Lora or TuneMethod.Dora;

    static string Lower<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
