using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Efficiency;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Transcripts;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Prompts;

namespace Banyan.Cli.Commands.Eval;

/// <summary>A model that runs in this process. Its id contains a hash of its weights, so another file under the same name is another
/// model.</summary>
sealed class LocalModel : EvaluatedModel
{
    readonly string _path;
    readonly string? _adapterPath;
    readonly int? _threads;
    readonly int _requests;
    readonly EnergyMeter? _energy = EnergyMeter.Open();
    Model? _model;
    Engine? _engine;
    ModelAdapter? _adapter;
    Conversation? _conversation;

    /// <param name="path">A file or folder.</param>
    /// <param name="threads">Number of compute threads.</param>
    /// <param name="requests">Maximum concurrent prompts.</param>
    /// <param name="adapter">An adapter of the model, or null.</param>
    public LocalModel(string path, int? threads, int requests, string? adapter = null)
    {
        (_path, _threads, _requests, _adapterPath) = (path, threads, requests, adapter);
        Name = adapter is null ? Identify(path) : $"{Identify(path)}+{IdentifyAdapter(adapter)}";
    }

    public override string Name { get; }

    public override int Parallel => _requests;

    public override bool TakesPrefill => true;

    public override bool IsBase => Engine.Model.Tokenizer.Fim is not null
        && !ModelIdentity.SaysInstruct($"{Name[..Name.IndexOf('@')]} {Engine.Model.Name}");

    public override Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken)
    {
        var model = Engine.Model;
        var kinds = new HashSet<PromptKind> { PromptKind.Completion };
        if (model.Template is not null)
            kinds.Add(PromptKind.Chat);
        if (model.Tokenizer.Fim is not null)
            kinds.Add(PromptKind.Infill);
        return Task.FromResult<IReadOnlySet<PromptKind>>(kinds);
    }

    public override async Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample,
        CancellationToken cancellationToken)
    {
        var engine = Engine; // loaded, with its adapter
        var options = new GenerationOptions
        {
            Temperature = (float)sampling.Temperature,
            TopP = (float)sampling.TopP,
            MaxTokens = sampling.MaxTokens,
            Seed = (ulong)((sampling.Seed ?? 0) + sample),
            Stop = prompt.Stop,
            Adapter = _adapter,
        };
        var energy = _requests == 1 ? _energy?.Read() : null; // of several at once, nobody's
        var began = Stopwatch.GetTimestamp();
        var answer = new TurnAnswer();
        try
        {
            (var pieces, answer) = Ask(engine, prompt, options, cancellationToken);
            await foreach (var generated in pieces)
                answer.Take(generated);
        }
        catch (ContextLengthException)
        {
            return new("", Name)
            {
                Finish = "context",
                PromptTokens = 0,
                AnswerTokens = 0,
                Seconds = Stopwatch.GetElapsedTime(began).TotalSeconds,
                PeakMemoryBytes = PeakMemory()
            };
        }
        return new(Written(answer), Name)
        {
            Fingerprint = $"banyan-{Model.Kernels}",
            Finish = answer.Finish == FinishReason.Length ? "length" : "stop",
            PromptTokens = answer.Statistics!.PromptTokens,
            AnswerTokens = answer.Statistics.GeneratedTokens,
            Seconds = Stopwatch.GetElapsedTime(began).TotalSeconds,
            Joules = energy is null ? null : _energy!.Joules(energy, _energy.Read()),
            EnergyOf = energy is null ? null : EnergyCoverage.Processor, // it computes there alone: cards only idle
            PeakMemoryBytes = PeakMemory(),
        };
    }

    public override async ValueTask DisposeAsync()
    {
        if (_engine is not null)
            await _engine.DisposeAsync();
        _model?.Dispose();
        await base.DisposeAsync();
    }

    /// <summary>Loaded when it is first needed: a run whose answers are all recorded needs no model.</summary>
    Engine Engine
    {
        get
        {
            if (_engine is null)
            {
                _model = Model.Load(_path, _threads is { } threads ? new ModelOptions { Threads = threads } : null);
                if (_adapterPath is not null)
                    _adapter = _model.AddAdapter("tuned", AdapterWeights.Read(_adapterPath, _model.Config));
                _engine = new(_model, new EngineOptions { MaxRequests = _requests });
            }
            return _engine;
        }
    }

    (IAsyncEnumerable<Generated> Pieces, TurnAnswer Answer) Ask(Engine engine, ModelPrompt prompt, GenerationOptions options,
        CancellationToken cancellationToken)
    {
        var tokenizer = engine.Model.Tokenizer;
        switch (prompt.Kind)
        {
            case PromptKind.Completion:
                return (engine.GenerateAsync(tokenizer.Encode(prompt.Text), options, cancellationToken), new());
            case PromptKind.Infill:
                var (gap, filling) = Fim.Prepare(tokenizer, engine.ContextLength, prompt.Text, prompt.Suffix ?? "", options);
                return (engine.GenerateAsync(gap, filling, cancellationToken), new());
            default:
                var messages = new JsonArray();
                if (prompt.System is { } system)
                    messages.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = system });
                messages.Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = prompt.Text });
                // A fixed day: some templates write the date, and a prompt must not change with it.
                var turn = (_conversation ??= Conversation.With(engine.Model)).Prepare(
                    new TurnRequest { Messages = messages, Options = options, Prefill = prompt.Prefill ?? "" },
                    new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero));
                return (turn.GenerateAsync(engine, cancellationToken), turn.NewAnswer());
        }
    }

    // All of it, with a thought in the one form that evaluation reads, whatever the family's is.
    static string Written(TurnAnswer answer) => answer.Reasoning.Length == 0 ? answer.Text
        : answer is { Text: "", Finish: FinishReason.Length } ? $"<think>\n{answer.Reasoning}"
        : $"<think>\n{answer.Reasoning}\n</think>\n\n{answer.Text}";

    static string Identify(string path)
    {
        using var file = ModelFile.Open(path);
        return Identify(path, file.Files);
    }

    static string IdentifyAdapter(string path) =>
        Identify(path,
            Directory.Exists(path) ? [Path.Combine(path, "adapter_config.json"), Path.Combine(path, "adapter_model.safetensors")] : [path]);

    static string Identify(string path, IReadOnlyList<string> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        foreach (var part in files)
        {
            using var stream = File.OpenRead(part);
            while (stream.Read(buffer) is > 0 and var count)
                hash.AppendData(buffer, 0, count);
        }
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        return $"{(name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? name[..^5] : name)}@sha256:{Convert.ToHexStringLower(hash.GetHashAndReset())[..16]}";
    }

    /// <summary>VmHWM: this process's peak resident memory.</summary>
    static long? PeakMemory()
    {
        if (!OperatingSystem.IsLinux())
            return Process.GetCurrentProcess().PeakWorkingSet64 is > 0 and var bytes ? bytes : null;
        var line = File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return line is null ? null
            : long.Parse(line["VmHWM:".Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1024;
    }
}
