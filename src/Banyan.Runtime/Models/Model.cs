using System.Text.RegularExpressions;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Models;

/// <summary>
/// A loaded model: configuration, weights, tokenizer, chat template. Give it to an <see cref="Generation.Engine"/> to generate.
/// </summary>
public sealed partial class Model : IDisposable
{
    readonly ModelFile _file;
    const int MostMixes = 256;

    readonly List<ModelAdapter> _adapters = [];
    readonly Dictionary<string, ModelAdapter> _mixes = [];
    int _disposed;
    readonly Lazy<ChatTemplate?> _template; // a template that cannot be parsed hinders conversation only

    Model(ModelFile file, ModelOptions options, IProgress<LoadProgress>? progress)
    {
        var keys = new ConfigReader(file, options.ContextLength);
        (_file, Config, Options) = (file, keys.Read(), options);
        Name = NameOf(file);
        _template = new Lazy<ChatTemplate?>(() =>
            file.Metadata.TryGet<string>("tokenizer.chat_template", out var template) && template.Length > 0
            ? ChatTemplate.Parse(template)
            : null);
        Pool = new WorkerPool(options.Threads);
        // A vocabulary of 150,000 tokens takes as long as a gigabyte of weights, which wait for memory meanwhile.
        var tokenizer = Task.Run(() => Tokenizer.Load(file));
        try
        {
            Weights = Weights.Load(keys, Config, Pool, progress);
        }
        catch
        {
            Pool.Dispose();
            tokenizer.ContinueWith(t => t.Exception, TaskScheduler.Default).Wait(); // it reads the file, which is closed next
            throw;
        }
        try
        {
            Tokenizer = tokenizer.GetAwaiter().GetResult();
        }
        catch
        {
            Weights.Dispose();
            Pool.Dispose();
            throw;
        }
        ContextLength = Math.Min(Config.ContextLength, options.ContextLength ?? CacheSize.Affordable(Weights.States, options.KvCache));
    }

    /// <summary>Its display name: that of its file, or of its folder if the file's name is generic.</summary>
    public string Name { get; }

    /// <summary>The file it was loaded from.</summary>
    public string Path => _file.Path;

    /// <summary>Its shape.</summary>
    public Config Config { get; }

    /// <summary>The options that it was loaded with.</summary>
    public ModelOptions Options { get; }

    /// <summary>The maximum tokens of a sequence.</summary>
    public int ContextLength { get; }

    /// <summary>Text to tokens and back.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>How a conversation becomes text; null for a model that only completes.</summary>
    /// <exception cref="TemplateException">The model's template cannot be parsed.</exception>
    public ChatTemplate? Template => _template.Value;

    /// <summary>How a reranker is shown <c>{query}</c> and <c>{document}</c>; null if the file does not say.</summary>
    internal string? RankTemplate => _file.Metadata.TryGet<string>("tokenizer.chat_template.rerank", out var template)
        && template.Length > 0 ? template : null;

    /// <summary>Whether it has a multi-token prediction layer, which engines then use.</summary>
    public bool GuessesAhead => Weights.Prediction is not null;

    /// <summary>Memory of the weights.</summary>
    public long WeightBytes => Weights.Bytes;

    /// <summary>The work of a token.</summary>
    public TokenWork Work => TokenWork.Of(Weights, Precision.Of(Options, Weights.Blocks), Options.KvCache, Ladder.Current);

    /// <summary>The instruction set its kernels use here: <c>avx2</c>.</summary>
    public static string Kernels => Ladder.Current.Name;

    internal Weights Weights { get; }

    internal WorkerPool Pool { get; }

    /// <summary>Loads a model: a .gguf, a .safetensors, or a folder holding one.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="options">How to compute.</param>
    /// <param name="progress">Called after each tensor.</param>
    /// <exception cref="ModelFileException">The file is missing, damaged, or of an architecture that is not supported.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static Model Load(string path, ModelOptions? options = null, IProgress<LoadProgress>? progress = null)
    {
        var file = ModelFile.Open(path);
        try
        {
            return Load(file, options, progress);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Loads a model from an open file, which it then owns.</summary>
    /// <inheritdoc cref="Load(string, ModelOptions?, IProgress{LoadProgress}?)"/>
    public static Model Load(ModelFile file, ModelOptions? options = null, IProgress<LoadProgress>? progress = null)
    {
        options ??= new ModelOptions();
        options.Validate();
        return new Model(file, options, progress);
    }

    /// <summary>Its adapters, in the order in which they were added.</summary>
    public IReadOnlyList<ModelAdapter> Adapters
    {
        get
        {
            lock (_adapters)
                return [.. _adapters];
        }
    }

    /// <summary>
    /// Adds an adapter to the model: requests that name it are computed with it, in one batch with those that do not. Engines may be
    /// running.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="weights">Its weights; they are copied.</param>
    /// <exception cref="ArgumentException">It belongs to another model: a tensor is missing or has another shape.</exception>
    /// <exception cref="NotSupportedException">It adapts single experts.</exception>
    public ModelAdapter AddAdapter(string name, AdapterWeights weights)
    {
        lock (_adapters)
        {
            var targets = weights.Projections.SelectMany(p => Targets(name, p)).ToList();
            var adapter = new ModelAdapter(this, name, _adapters.Count, number => [.. targets.Select(t =>
            {
                var tensor = _file.GetTensor(t.Whole);
                var term = new AdapterTerm(t.Adapter, weights.Scale,
                    t.First is { } first ? tensor.RowRange(first, t.Projection.Rows) : tensor);
                t.Projection.Attach(number, term);
                return term;
            })]);
            _adapters.Add(adapter);
            return adapter;
        }
    }

    /// <summary>
    /// Combines several of its adapters, each at a scale: requests with the result compute what the model would with all of them merged at
    /// these scales.
    /// </summary>
    /// <param name="parts">Adapters that were added to this model. Scales of the same are added, those of 0 are left out; the same parts
    /// give the same object again, so that what was computed with them is found in the prefix cache.</param>
    /// <returns>Null if nothing is left.</returns>
    /// <exception cref="ArgumentException">One belongs to another model, or a scale is not a number.</exception>
    /// <exception cref="NotSupportedException">A DoRA adapter at a scale other than 1, or together with others: its norms are valid only by
    /// itself.</exception>
    public ModelAdapter? MixAdapters(IEnumerable<(ModelAdapter Adapter, float Scale)> parts)
    {
        var all = new SortedDictionary<int, (ModelAdapter Adapter, float Scale)>();
        foreach (var (adapter, scale) in parts)
        {
            if (adapter.Model != this)
                throw new ArgumentException($"adapter '{adapter.Name}' was added to another model: add it to '{Name}'", nameof(parts));
            if (!float.IsFinite(scale))
                throw new ArgumentException($"the scale of adapter '{adapter.Name}' is {scale}: a number is needed", nameof(parts));
            if (adapter.Shares is not [{ Number: var number, Scale: 1 }])
                throw new ArgumentException($"'{adapter.Name}' is made of several adapters: name those", nameof(parts));
            all[number] = (adapter, scale + (all.TryGetValue(number, out var known) ? known.Scale : 0));
        }
        var left = all.Where(p => p.Value.Scale != 0).ToList();
        if (left.Count == 0)
            return null;
        if (left is [{ Value: { Scale: 1 } only }])
            return only.Adapter;
        if (left.Find(p => p.Value.Adapter.IsDora).Value.Adapter is { } dora)
            throw new NotSupportedException($"adapter '{dora.Name}' is a DoRA adapter, whose norms hold for scale 1 and for itself alone");
        var name =
            string.Join(" + ",
                left.Select(p => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{p.Value.Scale:R} {p.Key}")));
        lock (_mixes)
        {
            if (_mixes.TryGetValue(name, out var mix))
                return mix;
            if (_mixes.Count == MostMixes)
                _mixes.Clear(); // what was computed with them is not found again
            return _mixes[name] = new ModelAdapter(this, name, [.. left.Select(p => new AdapterShare(p.Key, p.Value.Scale))]);
        }
    }

    // The projection that is adapted; or several, which are parts of one matrix in the file, each with its rows of B.
    IEnumerable<(ProjectionAdapter Adapter, Projection Projection, string Whole, int? First)> Targets(string name,
        ProjectionAdapter adapter)
    {
        if (adapter.Expert is not null)
            throw new NotSupportedException(
                $"adapter '{name}' adapts an expert of {adapter.Tensor}: merge it into its base (banyan tune merge)");
        var all = Weights.Products.Where(p => p is not ExpertProjections).SelectMany(p => p.Projections);
        // Where the output is the embedding it stands under the embedding's name; an adapter of it changes the output alone.
        var found = adapter.Tensor == "output.weight" ? Weights.Logits.Projection : all.FirstOrDefault(p => p.Name == adapter.Tensor);
        List<(Projection Projection, int? First)> parts = found is not null ? [(found, null)]
            : [.. all.Where(p => p.Name.StartsWith(adapter.Tensor + "#", StringComparison.Ordinal)).Distinct()
                .Select(p => (p, (int?)FirstRow(p)))];
        if (parts.Count == 0)
            throw new ArgumentException(
                $"adapter '{name}' adapts {adapter.Tensor}, which '{Name}' does not have: name the base that it was trained on");
        if (parts.Sum(p => p.Projection.Rows) != adapter.Rows || parts[0].Projection.Columns != adapter.Columns)
            throw new ArgumentException(
                $"adapter '{name}' has {adapter.Tensor} [{adapter.Rows}, {adapter.Columns}], and '{Name}' has [{parts.Sum(p => p.Projection.Rows)}, {parts[0].Projection.Columns}]: name the base that it was trained on");
        return parts.Select(p => (p.First is { } first ? adapter.Part(first, p.Projection.Rows) : adapter, p.Projection,
            found?.Name ?? adapter.Tensor, p.First));
    }

    static int FirstRow(Projection part) =>
        int.Parse(part.Name.AsSpan(part.Name.IndexOf('#') + 1), System.Globalization.CultureInfo.InvariantCulture);

    static string NameOf(ModelFile file)
    {
        var name = PartOfSplit().Replace(System.IO.Path.GetFileNameWithoutExtension(file.Path), "");
        return file.Kind == ModelFileKind.Safetensors && name.StartsWith("model", StringComparison.Ordinal)
            ? System.IO.Path.GetFileName(file.Folder.TrimEnd(System.IO.Path.DirectorySeparatorChar))
            : name;
    }

    [GeneratedRegex(@"-\d{5}-of-\d{5}\z|\.safetensors\.index\z|\.safetensors\z")]
    private static partial Regex PartOfSplit();

    /// <summary>Frees the weights and unmaps the file. Dispose its engines first.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _adapters.ForEach(a => a.Free());
        Weights.Dispose();
        Pool.Dispose();
        _file.Dispose();
    }
}
