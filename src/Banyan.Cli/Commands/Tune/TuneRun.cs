using System.Diagnostics;
using System.Runtime.InteropServices;
using Banyan.Cli.Hubs;
using Banyan.Runtime.Models;
using Banyan.Server.Tuning;
using Banyan.Training;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary>
/// A run of <c>banyan tune</c>:
/// <code>
/// 1. the base is loaded
/// 2. the data is checked, prepared and shown; new tokens are learned from it, if requested
/// 3. time and memory are estimated, measured on a few sequences
/// 4. steps, until they are done or Ctrl-C
/// 5. the adapter or the model is written, read back and compared
/// </code>
/// </summary>
sealed record TuneRun
{
    public const string WorkFolder = "training"; // prepared data, checkpoint and page

    static readonly TimeSpan s_pageEvery = TimeSpan.FromSeconds(10);

    public required string Base { get; init; }

    public required string Output { get; init; }

    public required DataOptions Data { get; init; }

    public required TuneOptions Options { get; init; }

    /// <summary>Whether the objective follows from the data.</summary>
    public bool ObjectiveByData { get; init; }

    /// <summary>The weight formats to write; null for the base's.</summary>
    public string? Type { get; init; }

    /// <summary>The teacher model; null to train on the data's tokens.</summary>
    public PulledThing? Teacher { get; init; }

    /// <summary>The data's name in the model card; null for the path.</summary>
    public string? DataName { get; init; }

    /// <summary>The base's public name; null for the given name.</summary>
    public string? BaseName { get; init; }

    /// <summary>Maximum tokens to add to the vocabulary; null to keep the base's.</summary>
    public int? ExtendVocabulary { get; init; }

    bool HasAdapter => Options.Method is TuneMethod.Lora or TuneMethod.Dora && ExtendVocabulary is null;

    public int? Threads { get; init; }

    /// <summary>The price of a kilowatt-hour; null to report no cost.</summary>
    public double? PricePerKwh { get; init; }

    /// <summary>The machine's power; null to measure it.</summary>
    public double? Watts { get; init; }

    public bool Restart { get; init; }

    public bool Json { get; init; }

    /// <summary>Where to write a report; null for none.</summary>
    public string? Report { get; init; }

    public async Task<int> RunAsync()
    {
        using var cancel = new CancellationTokenSource();
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var view = new TuneView(Json);
        Options.Validate();
        CheckReport();
        var data = await DataPull.FindAsync(Data.Path, cancel.Token);
        var heldOut = Data.HeldOutPath is { } other ? await DataPull.FindAsync(other, cancel.Token) : null;
        var from = await ModelPull.FindAsync(Base, cancel.Token);
        var isNew = !Directory.Exists(Output);
        try
        {
            return await TrainAsync(Start(from.Path),
                new TuneNames(Base, DataName ?? Data.Path, from, data, heldOut) { GivenName = BaseName, Teacher = Teacher },
                MakeFolders(), view, cancel.Token);
        }
        catch (Exception e) when (e is TrainingException or ArgumentException && Renamed(e.Message) != e.Message)
        {
            Clean();
            throw new CommandException(Renamed(e.Message));
        }
        catch
        {
            Clean();
            throw;
        }

        void Clean()
        {
            if (isNew && Directory.Exists(Output) && !File.Exists(Path.Combine(Output, WorkFolder, Trainer.CheckpointName)))
                Directory.Delete(Output, recursive: true);
        }

        // Once: the step at hand is let go. Twice: the process ends as always.
        void Stop(PosixSignalContext context)
        {
            if (cancel.IsCancellationRequested)
                return;
            context.Cancel = true;
            Console.Error.WriteLine("\nstopping after the sequence at hand; once more ends at once");
            cancel.Cancel();
        }
    }

    async Task<int> TrainAsync(string path, TuneNames names, string work, TuneView view, CancellationToken cancellationToken)
    {
        using var model = Load(path); // :: 1
        var dataOptions = Data with { Path = names.Data.Path, HeldOutPath = names.HeldOut?.Path };
        var options = Options with { SequenceLength = Math.Min(Options.SequenceLength, model.Config.ContextLength) };
        using var data = Prepare(model, dataOptions with { MaxTokens = options.SequenceLength }, work, view, cancellationToken); // :: 2
        if (ObjectiveByData && data.Report.Format == DataFormat.Preference)
            options = options with { Objective = options.Method == TuneMethod.Scratch ? TuneObjective.Orpo : TuneObjective.Dpo };
        view.ShowData(model, data);
        TuneView.Warn(BenchmarkItems.Find(dataOptions.Path, data, model.Tokenizer, work, cancellationToken));
        var extended = ExtendVocabulary is { } count ? ExtendedBase.Make(model, data, count, work, cancellationToken) : null;
        if (extended is not null)
            model.Dispose(); // its memory is needed
        using var wide = extended is null ? null : Load(extended.Path);
        var (trained, learned) = (model, data.Data);
        if (extended is not null)
        {
            TuneView.ShowVocabulary(extended, model.Tokenizer, wide!.Tokenizer);
            (trained, learned) = (wide, VocabularyExtension.Encode(data.Data, model.Tokenizer, wide.Tokenizer));
            options = options with { NewTokens = options.Method is TuneMethod.Lora or TuneMethod.Dora ? extended.Tokens : 0 };
        }
        using var teacher = Teacher is null ? null : Load(Teacher.Path);
        using var trainer = new Trainer(trained, learned, options, work, teacher) { BaseLosses = extended?.BaseLosses };
        if ((HasAdapter ? AdapterFolder.Problem(trainer) : ModelFolder.Problem(trainer, Type)) is { } problem)
            throw new CommandException(Renamed(problem));
        view.ShowPlan(trainer); // :: 3
        if (trainer.Step < trainer.Plan.Steps)
        {
            var power = Watts is { } told ? new Power(told, IsMeasured: false) : Power.Unknown;
            var meter = PricePerKwh is not null && Watts is null ? PowerMeter.Begin() : null;
            var probe = trainer.Probe(cancellationToken);
            view.ShowProbe(probe, PricePerKwh, meter?.End() ?? power);
        }
        TuneFile.Write(Output, names, dataOptions, options, Type, ExtendVocabulary);
        trainer.Stepped += view.ShowStep; // :: 4
        KeepPage(trainer, names);
        if (!trainer.Run(cancellationToken))
        {
            await WriteReportAsync(trained, trainer, names, data.Data, null, path, CancellationToken.None);
            view.ShowStopped(trainer);
            throw new OperationCanceledException();
        }
        var result = HasAdapter ? AdapterFolder.Write(Output, trainer, names.Facts) : ModelFolder.Write(Output, trainer, names.Facts, Type); // :: 5
        view.ShowResult(trainer, result, Base, Output);
        await WriteReportAsync(trained, trainer, names, data.Data, result, path, cancellationToken);
        return 0;
    }

    // A night's work does not end in a page that cannot be written.
    void CheckReport()
    {
        if (Report is null)
            return;
        if (Outputs.NoFile(Report) is { } other)
            throw new CommandException($"--report {Report} is {other}, which is not replaced: name a file");
        // The result's own folder is made by then.
        if (Path.GetDirectoryName(Path.GetFullPath(Report)) is { } folder && !Directory.Exists(folder)
            && folder != Path.TrimEndingDirectorySeparator(Path.GetFullPath(Output)))
            throw new CommandException($"--report {Report}: there is no folder {folder}; make it first");
    }

    async Task WriteReportAsync(Model model, Trainer trainer, TuneNames names, TrainingData data, WrittenFolder? result, string path,
        CancellationToken cancellationToken)
    {
        using var before = Report is null || result is null || ExtendVocabulary is null ? null : Load(path);
        var samples = Report is null || result is null ? []
            : await TuneSample.AskAsync(before ?? model, Output, HasAdapter, data, cancellationToken);
        WritePage(trainer, names, result, samples);
        if (Report is not null)
            File.Copy(PagePath, Report, overwrite: true);
    }

    // What "banyan up --tune-runs" shows.
    string PagePath => Path.Combine(Output, TuneRuns.PagePath);

    void WritePage(Trainer trainer, TuneNames names, WrittenFolder? result, IReadOnlyList<TuneSample> samples)
    {
        var html = TuneReport.Html(trainer, names, result, samples, File.ReadAllText(Path.Combine(Output, TuneFile.Name)));
        File.WriteAllText(PagePath + ".tmp", html);
        File.Move(PagePath + ".tmp", PagePath, overwrite: true);
    }

    // Now and then, as long as it works: the run does not end because of its page.
    void KeepPage(Trainer trainer, TuneNames names)
    {
        var written = 0L;
        void Keep()
        {
            try
            {
                WritePage(trainer, names, null, []);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
            }
            written = Stopwatch.GetTimestamp();
        }
        Keep();
        trainer.Stepped += _ =>
        {
            if (Stopwatch.GetElapsedTime(written) > s_pageEvery)
                Keep();
        };
    }

    /// <summary>The files of a teacher's answers: all of them, and those trained on.</summary>
    public (string All, string Selected) AnswerFiles()
    {
        var work = MakeFolders();
        var (all, selected) = (Path.Combine(work, "answers.jsonl"), Path.Combine(work, "selected.jsonl"));
        if (Restart)
            File.Delete(all);
        return (all, selected);
    }

    string MakeFolders()
    {
        if (File.Exists(Output))
            throw new CommandException($"--out {Output}: there is a file of that name; name a folder");
        var work = Path.Combine(Output, WorkFolder);
        try
        {
            Directory.CreateDirectory(work);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"--out {Output}: no folder can be made there: {SystemProblem.Of(e)}");
        }
        if (Restart)
            File.Delete(Path.Combine(work, Trainer.CheckpointName));
        return work;
    }

    // A shape without weights gets some, to begin from scratch.
    string Start(string path)
    {
        if (Options.Method != TuneMethod.Scratch || !Directory.Exists(path) || !ScratchFolder.IsShape(path))
            return path;
        var start = Path.Combine(MakeFolders(), "start");
        ScratchFolder.Write(path, start);
        return start;
    }

    Model Load(string path)
    {
        using var bar = new Progress.LoadingBar(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)));
        return Model.Load(path, new ModelOptions
        {
            Threads = Threads ?? new ModelOptions().Threads,
            Activations = ActivationFormat.Float,
            KvCache = KvFormat.F32,
        }, bar);
    }

    static PreparedData Prepare(Model model, DataOptions data, string work, TuneView view, CancellationToken cancellationToken)
    {
        try
        {
            return Preparation.Run(model, data, work, view, cancellationToken);
        }
        catch (DataException e)
        {
            // The places one below the other.
            var lines = Renamed(e.Message).Split('\n');
            foreach (var line in lines[..^1])
                Console.Error.WriteLine(line);
            throw new CommandException(lines[^1].Trim());
        }
    }

    // The library's options by the command's names.
    static readonly (string Library, string Command)[] s_names =
    [
        ("SkipBad", "--skip-bad"), ("MaxTokens", "--length"), ("SequenceLength", "--length"), ("TooLong", "--too-long"),
        ("set Fim", "set --fim"), ("set Format", "set --format"),
        ("TargetModules", "--target"), ("TopLayers", "--top-layers"),
        ("Objective has to be Dpo or Orpo", "--objective has to be dpo or orpo"), ("Objective is", "--objective is"),
        ("remove it to begin anew", "--restart to begin anew"), ("or --restart to begin", "or give --restart to begin"),
    ];

    static string Renamed(string message) =>
        s_names.Aggregate(message, (text, name) => text.Replace(name.Library, name.Command, StringComparison.Ordinal));
}
