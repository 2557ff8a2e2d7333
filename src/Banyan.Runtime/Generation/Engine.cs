using System.Runtime.CompilerServices;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Generation;

/// <summary>
/// Serves all requests of one model: one thread computes one batch after the other, in which requests join and leave at any token. Between
/// the layers of a long pass, which contains prompts only, other requests get passes of their own. An idle engine uses no processor time.
/// </summary>
/// <remarks>
/// <code>
/// GenerateAsync → arrivals ─┐            (engine thread)
///                           ├→ Scheduler.Fill → Forward.Run → Sampler.Next → Step ─→ channel → text (reader's thread)
///      running and waiting ─┘
/// </code>
/// A pass allocates nothing; what a token needs is allocated on the reader's side.
/// </remarks>
public sealed partial class Engine : IAsyncDisposable
{
    /// <summary>The minimum time that a long pass runs between passes of other requests, so that these cannot stretch it without
    /// end.</summary>
    const double ServeOthersSeconds = 0.1;

    readonly object _gate = new();
    readonly List<Request> _arrivals = [];
    readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly EngineOptions _options;
    readonly KvCache _cache;
    readonly Forward _forward;
    Forward? _forwardBeside; // for passes between the layers of a long one
    readonly Scheduler _scheduler;
    readonly Drafter? _drafter;
    readonly Batch _batch, _batchBeside;
    readonly Func<bool> _serveOthers;
    TimeSpan _beside; // what passes beside the long one took
    long _servedOthers; // when the last of them ended
    readonly SamplerScratch _scratch;
    readonly LogitSummaries _summaries;
    readonly Step[] _steps = new Step[1 + Speculator.MaxRows + GrammarRun.MostForced];
    int _running, _waiting, _freeTokens;
    bool _woken, _stopping;

    /// <param name="model">A loaded model. The engine does not dispose it.</param>
    /// <param name="options">How requests share it.</param>
    /// <exception cref="ArgumentException">An option is out of range, or the draft model has another vocabulary.</exception>
    /// <exception cref="NotSupportedException">The model is an encoder, which does not generate.</exception>
    public Engine(Model model, EngineOptions? options = null)
    {
        _options = options ?? new EngineOptions();
        _options.Validate();
        Model = model;
        if (model.Config.IsEncoder)
        {
            throw new NotSupportedException(
                $"'{model.Name}' is an encoder ({model.Config.Architecture}): it gives embeddings and scores (banyan embed, banyan rank) and does not generate");
        }
        if (_options.Draft is { } small)
            DraftModel.CheckVocabulary(small, model);
        _cache = new KvCache(model, CacheSize.Tokens(model, _options.CacheTokens));
        var shared = Math.Max(_options.SharedPrefillTokens, Speculator.MaxRows) + _options.ShortPromptTokens;
        _batch = new Batch(Math.Max(_options.PrefillTokens, shared) + _options.MaxRequests);
        _batchBeside = new Batch(shared + _options.MaxRequests);
        _serveOthers = ServeOthers;
        _drafter = _options switch
        {
            { Speculation: false } => null,
            { Draft: { } draft } => new DraftModel(draft, model, _options),
            _ => model.Weights.Prediction is { } layer ? new PredictionDrafter(model, layer, _options) : null,
        };
        _forward = new Forward(model, _cache, _batch.Capacity, _options.MaxRequests + (_options.Speculation ? Speculator.MaxRows : 0),
            keepsHidden: _drafter is PredictionDrafter);
        _summaries = new LogitSummaries(_options.MaxRequests + Speculator.MaxRows);
        _scheduler = new Scheduler(_options, model.Config.Layers, _drafter);
        _scratch = new SamplerScratch(model.Config.VocabularySize);
        _freeTokens = _cache.Tokens;
        new Thread(Work) { IsBackground = true, Name = $"engine {model.Name}" }.Start();
    }

    /// <summary>The model it serves.</summary>
    public Model Model { get; }

    /// <summary>The maximum tokens of prompt and answer together.</summary>
    public int ContextLength => Model.ContextLength;

    /// <summary>Throws for a draft model that the engine of <paramref name="model"/> could not use.</summary>
    /// <exception cref="ArgumentException">It has another vocabulary.</exception>
    public static void CheckDraft(Model draft, Model model) => DraftModel.CheckVocabulary(draft, model);

    /// <summary>Its load as of the last pass.</summary>
    public EngineStatus Status => new(Volatile.Read(ref _running), Volatile.Read(ref _waiting),
        _cache.Tokens, Volatile.Read(ref _freeTokens));

    /// <summary>Bytes allocated on the engine's thread so far: for the test that a token allocates none.</summary>
    internal long AllocatedBytes => Volatile.Read(ref _allocatedBytes);
    long _allocatedBytes;

    /// <summary>
    /// Generates an answer. Arguments are checked at once; work begins with the enumeration, and ends when it is disposed or cancelled.
    /// </summary>
    /// <param name="prompt">Token ids, special tokens included.</param>
    /// <param name="options">How to sample and when to end.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Items as they are generated; the last has <see cref="Generated.Finish"/> and <see cref="Generated.Statistics"/>.</returns>
    /// <exception cref="ContextLengthException">The prompt leaves no room for an answer.</exception>
    /// <exception cref="ArgumentException">The prompt is empty or has an unknown token, or an option is out of range.</exception>
    /// <exception cref="GenerationException">While enumerating: the model gave no usable logits, or the engine is closed.</exception>
    public IAsyncEnumerable<Generated> GenerateAsync(IReadOnlyList<int> prompt, GenerationOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new GenerationOptions();
        options.Validate(Model.Config.VocabularySize);
        if (options.Adapter is { } adapter && adapter.Model != Model)
            throw new ArgumentException($"adapter '{adapter.Name}' was added to another model: add it to the one that the engine serves",
                nameof(options));
        if (prompt.Count == 0)
            throw new ArgumentException("the prompt is empty: at least one token is needed", nameof(prompt));
        foreach (var token in prompt)
            if (token < 0 || token >= Model.Config.VocabularySize)
                throw new ArgumentException($"the prompt holds token {token}: the vocabulary has {Model.Config.VocabularySize} tokens",
                    nameof(prompt));
        if (prompt.Count >= ContextLength)
            throw new ContextLengthException(prompt.Count, ContextLength);
        return Read([.. prompt], options, cancellationToken);
    }

    async IAsyncEnumerable<Generated> Read(int[] prompt, GenerationOptions options,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var room = Math.Min(options.MaxTokens, ContextLength - prompt.Length);
        var request = new Request(prompt, room, options, StopTokens(options),
            new Sequence(_cache, prompt.Length + room, options.Adapter), _options.Speculation,
            options.Grammar is { } grammar ? new GrammarRun(grammar, Model.Tokenizer) : null);
        Arrive(request);
        try
        {
            var text = new AnswerText();
            await foreach (var step in request.Steps.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                if (step.Prompt is { } progress)
                {
                    yield return new Generated { Prompt = progress, CachedTokens = progress.Cached };
                    continue;
                }
                text.Append(Model.Tokenizer.Bytes(step.Token)[..step.Bytes]);
                text.Cut(step.Cut);
                var last = step.Finish is not null;
                yield return new Generated
                {
                    Token = step.Token,
                    Text = text.Take(step.Held, last),
                    LogProb = step.LogProb,
                    TopLogProbs = step.Top ?? [],
                    CachedTokens = request.CachedTokens ?? 0,
                    StopString = last ? request.Stops?.Found : null,
                    Finish = step.Finish,
                    Statistics = last ? request.Statistics : null,
                };
            }
        }
        finally
        {
            request.Cancelled = true;
            Wake();
        }
    }

    // A stop string that is exactly one special token ends the answer as that token, as special tokens are no part of the text.
    HashSet<int> StopTokens(GenerationOptions options)
    {
        var tokens = new HashSet<int>(options.StopTokens);
        if (!options.IgnoreEndOfText)
            tokens.UnionWith(Model.Tokenizer.EndOfGeneration);
        foreach (var stop in options.Stop)
            if (Model.Tokenizer.TryFind(stop, out var token) && Model.Tokenizer.IsSpecial(token))
                tokens.Add(token);
        return tokens;
    }

    void Arrive(Request request)
    {
        lock (_gate)
        {
            if (_stopping)
                throw new GenerationException("the engine is closed");
            _arrivals.Add(request);
            _woken = true;
            Monitor.Pulse(_gate);
        }
    }

    void Wake()
    {
        lock (_gate)
        {
            _woken = true;
            Monitor.Pulse(_gate);
        }
    }

    // The engine's thread.
    void Work()
    {
        while (TakeArrivals())
        {
            DropCancelled();
            _scheduler.Fill(_batch);
            if (_batch.Count > 0)
                Pass(_forward, _batch, _scheduler.IsLong);
            Publish();
        }
        foreach (var request in _scheduler.Running.Concat(_scheduler.Waiting).ToArray())
            End(request, Closed());
        _forward.Dispose();
        _forwardBeside?.Dispose();
        _cache.Dispose();
        _drafter?.Dispose();
        _ended.SetResult();
    }

    static GenerationException Closed() => new("the engine was closed while it worked on this request");

    // Waits while there is nothing to do; false when the engine is closed.
    bool TakeArrivals()
    {
        lock (_gate)
        {
            while (!_stopping && !_woken && _scheduler.IsIdle)
                Monitor.Wait(_gate);
            _woken = false;
            foreach (var request in _arrivals)
                _scheduler.Add(request);
            _arrivals.Clear();
            return !_stopping;
        }
    }

    void DropCancelled()
    {
        for (var i = _scheduler.Running.Count - 1; i >= 0; i--)
            if (_scheduler.Running[i] is { Cancelled: true, IsInLongPass: false } cancelled)
                End(cancelled, null);
        for (var i = _scheduler.Waiting.Count - 1; i >= 0; i--)
            if (_scheduler.Waiting[i].Cancelled)
                End(_scheduler.Waiting[i], null);
    }

    // Between two layers of a long pass: now and then one pass of those who are not in it. False where nobody waits for the long one any
    // more.
    bool ServeOthers()
    {
        if (!TakeArrivals())
            return false;
        DropCancelled();
        if (!AnyInLongPass())
            return false;
        var began = _options.Clock.GetTimestamp();
        if (_options.Clock.GetElapsedTime(_servedOthers, began).TotalSeconds < ServeOthersSeconds
            || (_scheduler.Waiting.Count == 0 && !AnyBeside()))
            return true;
        _scheduler.Fill(_batchBeside);
        if (_batchBeside.Count > 0)
        {
            _forwardBeside ??= new Forward(Model, _cache, _batchBeside.Capacity, _options.MaxRequests,
                keepsHidden: _drafter is PredictionDrafter);
            Pass(_forwardBeside, _batchBeside, isLong: false);
        }
        Publish();
        _servedOthers = _options.Clock.GetTimestamp();
        _beside += _options.Clock.GetElapsedTime(began, _servedOthers);
        return true;
    }

    // Whether somebody still waits for the long pass.
    bool AnyInLongPass()
    {
        for (var i = 0; i < _scheduler.Running.Count; i++)
            if (_scheduler.Running[i] is { IsInLongPass: true, Cancelled: false })
                return true;
        return false;
    }

    bool AnyBeside()
    {
        for (var i = 0; i < _scheduler.Running.Count; i++)
            if (!_scheduler.Running[i].IsInLongPass)
                return true;
        return false;
    }

    void Pass(Forward forward, Batch batch, bool isLong)
    {
        var speculator = _scheduler.Speculator;
        for (var i = 0; i < _scheduler.Running.Count; i++)
        {
            var request = _scheduler.Running[i];
            if (isLong)
                request.IsInLongPass = request.Rows > 0;
            if (request is { Rows: > 0, HasAnswer: false } && request.IsInLongPass == isLong)
                request.TellPrompt(request.Sequence.Length);
        }
        try
        {
            speculator?.Begin();
            var began = _options.Clock.GetTimestamp();
            if (isLong)
                _beside = TimeSpan.Zero;
            if (!forward.Run(batch, isLong ? _serveOthers : null))
            {
                EndAll(isLong, Volatile.Read(ref _stopping) ? Closed() : null, isComputed: false);
                return;
            }
            if (isLong)
                _scheduler.Observe(batch, (_options.Clock.GetElapsedTime(began) - _beside).TotalSeconds);
            unsafe
            {
                _summaries.Compute(forward.ResultRows, batch.LogitCount, Model.Config.VocabularySize, Model.Pool);
            }
            speculator?.End(batch.Count);
        }
        catch (Exception e)
        {
            // A fault here is Banyan's: those who wait are told, and the engine goes on for the next.
            EndAll(isLong, new GenerationException($"the computation failed: {e.Message}", e), isComputed: false);
            return;
        }
        for (var i = _scheduler.Running.Count - 1; i >= 0; i--)
        {
            var request = _scheduler.Running[i];
            if (request.IsInLongPass != isLong)
                continue;
            request.IsInLongPass = false;
            if (request.Rows > 0 && !request.HasAnswer)
                request.TellPrompt(request.Sequence.Length + request.Rows - (request.Draft?.Rows ?? 0));
            var first = request.Sequence.Length;
            if (request.LogitIndex >= 0)
                Sample(request, forward);
            else
                request.Sequence.Advance(first + request.Rows, request.Tokens);
            if (request.Sequence.Length > first) // it has not ended
                _drafter?.Observe(request, first, request.Sequence.Length - first, forward);
        }
    }

    // Those of a long pass, or all who are in none.
    void EndAll(bool ofLongPass, Exception? error, bool isComputed)
    {
        for (var i = _scheduler.Running.Count - 1; i >= 0; i--)
            if (_scheduler.Running[i].IsInLongPass == ofLongPass)
                End(_scheduler.Running[i], error, isComputed);
    }

    void End(Request request, Exception? error, bool isComputed = true)
    {
        request.IsInLongPass = false;
        _scheduler.Remove(request, isComputed);
        request.Steps.Writer.TryComplete(error);
    }

    void Publish()
    {
        Volatile.Write(ref _running, _scheduler.Running.Count);
        Volatile.Write(ref _waiting, _scheduler.Waiting.Count);
        Volatile.Write(ref _freeTokens, _cache.FreeTokens);
        Volatile.Write(ref _allocatedBytes, GC.GetAllocatedBytesForCurrentThread());
    }

    /// <summary>Stops the thread; requests in flight fail.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.Pulse(_gate);
        }
        await _ended.Task.ConfigureAwait(false);
    }
}
