using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Keys;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Inference.Models;

/// <summary>One model of the catalogue, or an adapter beside its base: loaded on first use, and kept until it is evicted or its keep-alive
/// time is over.</summary>
sealed partial class ServedModel(string path, string name, ModelSettings settings, InferenceOptions options, ModelMemory memory,
    TimeProvider time, ILogger log, ServedModel? @base = null) : IAsyncDisposable
{
    readonly Lock _lock = new();
    readonly List<ServedModel> _beside = [];
    readonly Dictionary<KeyHolder, int> _places = [];
    ModelSettings _settings = settings, _loadedWith = settings.OfLoading;
    Progress _progress = new();
    Task<LoadedModel>? _loading;
    int _pending;
    TimeSpan? _keepAlive = SpanOf(settings.KeepAlive ?? options.KeepAlive);

    public string Name { get; } = name;
    public string Path { get; } = path;

    /// <summary>What it is an adapter of; null for a model of its own.</summary>
    public ServedModel? Base => @base;

    public DateTimeOffset Created { get; } = File.Exists(path) ? File.GetLastWriteTimeUtc(path) : Directory.GetLastWriteTimeUtc(path);

    /// <summary>Its settings. Changes of sampling and keep-alive apply from the next request on; if load settings changed, it is unloaded
    /// once idle, so that no answer is interrupted.</summary>
    public ModelSettings Settings
    {
        get => _settings;
        set
        {
            lock (_lock)
            {
                if (value.KeepAlive != _settings.KeepAlive)
                    _keepAlive = SpanOf(value.KeepAlive ?? options.KeepAlive);
                _settings = value;
                if (Loaded is { } loaded)
                    loaded.Settings = CreatedModel.Is(Path) && CreatedModel.TryRead(Path) is { } created
                        ? value.Over(created.Settings) : value;
            }
        }
    }

    /// <summary>Adapters in use for requests that name this model and no adapters (<c>POST /lora-adapters</c>).</summary>
    public IReadOnlyList<AdapterScale> Scales { get; set; } = [];

    /// <summary>Whether its file is still there.</summary>
    public bool IsThere => File.Exists(Path) || Directory.Exists(Path);

    /// <summary>The loaded model; null before it was asked for, while it loads, and when it failed to.</summary>
    public LoadedModel? Loaded => _loading is { IsCompletedSuccessfully: true } loaded ? loaded.Result : null;

    public bool IsLoaded => _loading is { IsFaulted: false };

    /// <summary>Whether it was loaded before and has been unloaded.</summary>
    public bool WasUnloaded { get; private set; }

    /// <summary>How far loading has come, 0…1.</summary>
    public double LoadProgress => Loaded is not null ? 1 : _progress.Fraction;

    /// <summary>Why it could not be loaded.</summary>
    public Exception? Failure => _loading?.Exception?.InnerException;

    /// <summary>The time of its last request.</summary>
    public DateTimeOffset LastUsed { get; private set; } = time.GetUtcNow();

    /// <summary>When it will be unloaded without a further request; null for never, and while it is in use or not loaded. A model whose
    /// load settings changed is due at once.</summary>
    public DateTimeOffset? ExpiresAt => @base is not null || Loaded is null || Pending > 0 ? null
        : _settings.OfLoading != _loadedWith ? LastUsed : LastUsed + _keepAlive;

    static TimeSpan? SpanOf(TimeSpan? keep) => keep == Timeout.InfiniteTimeSpan ? null : keep;

    /// <summary>How long it stays from now on without a request; <see cref="Timeout.InfiniteTimeSpan"/> for always.</summary>
    public void Keep(TimeSpan keep)
    {
        if (@base is not null)
            @base.Keep(keep);
        else
            _keepAlive = SpanOf(keep);
    }

    /// <summary>Generations running or waiting.</summary>
    public int Pending => @base?.Pending ?? Volatile.Read(ref _pending);

    /// <summary>The model, loaded now if it is not. A model that failed to load is tried again: its file may have been repaired.</summary>
    /// <exception cref="ApiException">It cannot be loaded.</exception>
    public async Task<LoadedModel> LoadAsync(CancellationToken cancellationToken)
    {
        Task<LoadedModel> loading;
        lock (_lock)
        {
            if (_loading is null or { IsFaulted: true })
                _loading = @base is null ? Task.Run(LoadWithinMemoryAsync, CancellationToken.None) : LoadBesideAsync(@base);
            loading = _loading;
        }
        try
        {
            return await loading.WaitAsync(cancellationToken);
        }
        catch (NotSupportedException e)
        {
            throw ApiException.Invalid("model", e.Message, "model_not_supported");
        }
        catch (Exception e) when (e is ModelFileException or TemplateException or ArgumentException or IOException
            or UnauthorizedAccessException)
        {
            throw new ApiException(500, $"{Name} could not be loaded: {e.Message}", "model", "model_load_failed", "server_error");
        }
    }

    /// <summary>Admits a request, then reads it, so that a refused one costs no reading.</summary>
    /// <param name="generations">How many it asks for.</param>
    /// <param name="read">Reads the request for the loaded model.</param>
    /// <param name="cancellationToken">Stops waiting for the model.</param>
    /// <param name="generates">Whether it requests text, which encoders do not generate.</param>
    /// <param name="scales">The adapters that are to answer; null for those that are set for all (<see cref="Scales"/>), where text is
    /// asked for.</param>
    /// <exception cref="ApiException">It is refused.</exception>
    public async Task<Asked<T>> AskAsync<T>(int generations, Func<LoadedModel, T> read, CancellationToken cancellationToken,
        bool generates = true, IReadOnlyList<AdapterScale>? scales = null)
    {
        var admission = Admit(generations);
        try
        {
            var model = await WithAdaptersAsync(await LoadAsync(cancellationToken),
                scales ?? (generates ? [.. Scales.Where(s => s.Adapter.IsThere)] : []), cancellationToken);
            return generates && !model.Generates ? throw model.CannotGenerate() : new Asked<T>(model, read(model), admission);
        }
        catch
        {
            admission.Dispose();
            throw;
        }
    }

    static async Task<LoadedModel> WithAdaptersAsync(LoadedModel model, IReadOnlyList<AdapterScale> scales,
        CancellationToken cancellationToken)
    {
        var loaded = new List<(LoadedModel Model, float Scale)>();
        foreach (var (adapter, scale) in scales.Where(s => s.Scale != 0))
            loaded.Add((await adapter.LoadAsync(cancellationToken), scale));
        try
        {
            return model.With(loaded);
        }
        catch (NotSupportedException e)
        {
            throw ApiException.Unsupported("lora", $"Invalid 'lora': {e.Message}.");
        }
    }

    /// <summary>Counts generations; dispose the result when they end.</summary>
    /// <exception cref="ApiException">More would be running or waiting than this server allows.</exception>
    public Admission Admit(int generations)
    {
        if (@base is not null)
            return @base.Admit(generations);
        LastUsed = time.GetUtcNow();
        var holder = KeyHolder.Current;
        lock (_places)
        {
            // One key leaves a quarter of the queue to the others.
            var (pending, own) = (_pending + generations, generations + (holder is null ? 0 : _places.GetValueOrDefault(holder)));
            if (pending > options.MaxPending)
                throw ApiException.Busy(Name, _pending);
            if (holder is not null && own > Math.Max(generations, options.MaxPending * 3 / 4))
                throw ApiException.Busy(Name, own - generations);
            _pending = pending;
            if (holder is not null)
                _places[holder] = own;
        }
        return new Admission(this, generations, holder);
    }

    void Leave(int generations, KeyHolder? holder)
    {
        LastUsed = Now;
        lock (_places)
        {
            _pending -= generations;
            if (holder is not null && (_places[holder] -= generations) == 0)
                _places.Remove(holder);
        }
    }

    public sealed class Admission(ServedModel model, int generations, KeyHolder? holder) : IDisposable
    {
        int _left = generations;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 0) is > 0 and var left)
                model.Leave(left, holder);
        }
    }

    DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Frees its memory, and that of the adapters beside it. False if it is in use, is loading, or is not loaded.</summary>
    public async Task<bool> UnloadAsync()
    {
        if (@base is not null)
            return await @base.UnloadAsync();
        var loaded = new List<LoadedModel>();
        lock (_lock)
        {
            // Whoever asks is counted before the model is taken, so that nobody has it now.
            if (Pending > 0 || Loaded is not { } own)
                return false;
            foreach (var beside in _beside)
                if (beside.Forget() is { } adapter)
                    loaded.Add(adapter);
            loaded.Add(own);
            (_loading, _progress, WasUnloaded) = (null, new(), true);
        }
        foreach (var one in loaded)
            await one.DisposeAsync();
        memory.Release(this);
        LogUnloaded(log, Name);
        return true;
    }

    LoadedModel? Forget()
    {
        lock (_lock)
        {
            var loaded = Loaded;
            _loading = null;
            return loaded;
        }
    }

    async Task<LoadedModel> LoadWithinMemoryAsync()
    {
        await memory.TakeAsync(this, FileBytes);
        try
        {
            var loaded = Load();
            memory.Set(this, loaded.Model.WeightBytes);
            return loaded;
        }
        catch
        {
            memory.Release(this);
            throw;
        }
    }

    /// <summary>What its files take, all parts of a split one together.</summary>
    public long FileBytes
    {
        get
        {
            try
            {
                return Directory.Exists(Path) ? Directory.EnumerateFiles(Path, "*.safetensors").Sum(f => new FileInfo(f).Length)
                    : ModelFolder.Parts(Path).Sum(f => new FileInfo(f).Length);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return 0;
            }
        }
    }

    LoadedModel Load()
    {
        var began = TimeProvider.System.GetTimestamp();
        var settings = _settings;
        _loadedWith = settings.OfLoading;
        var replacement = (settings.ChatTemplate ?? options.ChatTemplate) is { } jinja ? ChatTemplate.Parse(jinja) : null;
        var model = Model.Load(Path, settings.Over(options.Runtime), _progress);
        Model? draft = null;
        try
        {
            if ((settings.Draft ?? options.Draft) is { } small)
                Engine.CheckDraft(draft = Model.Load(small, options.Runtime with { ContextLength = null }), model);
        }
        catch (Exception e)
        {
            draft?.Dispose();
            model.Dispose();
            if (e is ArgumentException)
                throw new ModelFileException((settings.Draft ?? options.Draft)!, e.Message, e);
            throw;
        }
        var loaded = new LoadedModel(Name, model, replacement, draft, settings);
        LogLoaded(log, Name, TimeProvider.System.GetElapsedTime(began).TotalSeconds);
        return loaded;
    }

    async Task<LoadedModel> LoadBesideAsync(ServedModel of)
    {
        await Task.Yield();
        var root = of;
        while (root.Base is { } below)
            root = below;
        lock (root._lock)
            if (!root._beside.Contains(this))
                root._beside.Add(this);
        var loaded = await of.LoadAsync(CancellationToken.None);
        try
        {
            if (CreatedModel.Is(Path))
            {
                var created = CreatedModel.TryRead(Path) ?? throw new ModelFileException(Path, "it is no file that /api/create made");
                var adapter = created.Adapter is { } file
                    ? loaded.Model.AddAdapter(Name,
                        AdapterWeights.Read(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, file), loaded.Model.Config))
                            : null;
                return new LoadedModel(Name, loaded, adapter, _settings.Over(created.Settings),
                    created.Template is { } jinja ? ChatTemplate.Parse(jinja) : null);
            }
            return new LoadedModel(Name, loaded, loaded.Model.AddAdapter(Name, AdapterWeights.Read(Path, loaded.Model.Config)));
        }
        catch (NotSupportedException e)
        {
            throw new ModelFileException(Path, e.Message, e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task<LoadedModel>? loading;
        lock (_lock)
            loading = _loading;
        if (loading is null)
            return;
        await loading.ContinueWith(_ => { }, TaskScheduler.Default);
        if (Loaded is { } loaded)
            await loaded.DisposeAsync();
    }

    sealed class Progress : IProgress<LoadProgress>
    {
        public double Fraction { get; private set; }

        public void Report(LoadProgress value) => Fraction = value.Total == 0 ? 1 : (double)value.Bytes / value.Total;
    }

    [LoggerMessage(LogLevel.Information, "{Name} unloaded")]
    static partial void LogUnloaded(ILogger log, string name);

    [LoggerMessage(LogLevel.Information, "{Name} loaded in {Seconds:F1} s")]
    static partial void LogLoaded(ILogger log, string name, double seconds);
}
