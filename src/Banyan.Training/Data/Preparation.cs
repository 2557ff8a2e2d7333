using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Banyan.Runtime.Models;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Tokenizers;
using Banyan.Training.Data.Records;
using Banyan.Training.Data.Shapes;
using Banyan.Training.Data.Source;

namespace Banyan.Training.Data;

/// <summary>
/// Turns data into samples on disk, in constant memory:
/// <code>
/// 1. records, one after the other; the first tells their format
/// 2. an invalid record is noted with its place; it stops everything, or is skipped
/// 3. samples: text by the model's template, tokens, targets; too long ones are cut or left out
/// 4. tokens and an index go to files
/// 5. the index is divided into training and held-out samples
/// </code>
/// Data prepared before from the same files in the same way is reused.
/// </summary>
public sealed class Preparation
{
    const int MostHeldOut = 1000, ShownProblems = 10, GiveUpAfter = 10_000, MostDuplicates = 1 << 20;
    const int Version = 1;

    readonly DataOptions _options;
    readonly Tokenizer _tokenizer;
    readonly ChatTemplate _template;
    readonly bool _isDefault;
    readonly SampleEncoder _encoder;
    readonly HashSet<ulong> _seen = [];
    readonly List<DataProblem> _problems = [];
    readonly IProgress<long>? _progress;
    DataFormat? _format;
    long _records, _bad, _cut, _tooLong, _duplicates, _alsoHeldOut, _tokens, _targets;
    int _longest, _files;
    SourceFolder? _source;

    Preparation(DataOptions options, Tokenizer tokenizer, ChatTemplate? template, IProgress<long>? progress)
    {
        (_options, _tokenizer, _progress) = (options, tokenizer, progress);
        _template = template ?? DefaultTemplates.For(tokenizer);
        _isDefault = template is null;
        _encoder = new(tokenizer, _template, options.MaxTokens, options.ParseSpecial);
        _format = options.Format;
    }

    /// <summary>Prepares data for a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Which data, and how it is read.</param>
    /// <param name="folder">Where tokens are written; created if missing.</param>
    /// <param name="progress">Receives the number of records read so far.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="DataException">The data cannot be used for training.</exception>
    public static PreparedData Run(Model model, DataOptions options, string folder, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default) =>
        Run(model.Tokenizer, model.Template, options, folder, progress, cancellationToken);

    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">Its template; null if it has none.</param>
    /// <inheritdoc cref="Run(Model, DataOptions, string, IProgress{long}?, CancellationToken)"/>
    /// <param name="options"/><param name="folder"/><param name="progress"/><param name="cancellationToken"/>
    public static PreparedData Run(Tokenizer tokenizer, ChatTemplate? template, DataOptions options, string folder,
        IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        var preparation = new Preparation(options, tokenizer, template, progress);
        var files = preparation.Files(options.Path);
        var heldOut = options.HeldOutPath is { } other ? preparation.Files(other) : [];
        var print = preparation.Fingerprint([.. files, .. heldOut]);
        var made = Path.Combine(folder, "data.json");
        if (Read(made, print) is { } known)
            return new(folder, known, preparation._template);
        Directory.CreateDirectory(folder);
        File.Delete(made);
        var report = preparation.Write(folder, files, heldOut, cancellationToken);
        var temporary = made + ".tmp";
        File.WriteAllText(temporary, JsonSerializer.Serialize(new Prepared(print, report)));
        File.Move(temporary, made, overwrite: true);
        return new(folder, report, preparation._template);
    }

    /// <summary>Which of a repo's files a run trains on: its records, of these the training split; texts if there are no records.</summary>
    /// <param name="names">The paths of all its files, with <c>/</c> between folders.</param>
    public static IReadOnlyList<string> Choose(IReadOnlyList<string> names) =>
        DataFiles.Choose([.. names.Where(n => !n.Split('/').Any(part => part.StartsWith('.')))]);

    /// <summary>Whether a file's name says that it is data.</summary>
    public static bool IsData(string name) => DataFiles.IsData(name);

    sealed record Prepared(string Fingerprint, DataReport Report);

    static DataReport? Read(string path, string fingerprint)
    {
        try
        {
            return File.Exists(path) && JsonSerializer.Deserialize<Prepared>(File.ReadAllText(path)) is { } made
                && made.Fingerprint == fingerprint ? made.Report : null;
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            return null;
        }
    }

    bool IsSource => _format == DataFormat.Source;

    IReadOnlyList<string> Files(string path)
    {
        _format ??= _options.Fim > 0 && Directory.Exists(path) || DataFiles.LooksLikeSource(path) ? DataFormat.Source : null;
        if (!IsSource)
            return DataFiles.Find(path);
        return Directory.Exists(path) ? [.. DataFiles.Below(path).Where(SourceFolder.IsSource).Order(StringComparer.Ordinal)]
            : throw new DataException($"there is no folder '{path}': source code is read from a folder of it");
    }

    string Fingerprint(IReadOnlyList<string> files)
    {
        if (_options.Fim > 0 && _tokenizer.Fim is null)
            throw new DataException(
                "this model has no tokens to fill in the middle with: set Fim to 0, or use a base coder model such as Qwen2.5-Coder");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\0"));
        Add($"{Version} {_options with { Path = "", HeldOutPath = null }} {_template.Source}");
        foreach (var file in files)
            Add($"{Path.GetFullPath(file)} {new FileInfo(file).Length} {File.GetLastWriteTimeUtc(file).Ticks}");
        // The tokenizer, by what it makes of some text and of its own vocabulary.
        foreach (var id in _tokenizer.Encode("The quick brown fox: żółw, बरगद, 榕树; for (int i = 0; i < 10; i++)\n\treturn x;"))
            Add($"{id}");
        Add($"{_tokenizer.Count} {_tokenizer.Eos} {string.Join(' ', _tokenizer.EndOfGeneration.Order())}");
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    DataReport Write(string folder, IReadOnlyList<string> files, IReadOnlyList<string> heldOut, CancellationToken cancellationToken)
    {
        var chosen = new HeldOut(MostHeldOut + 1);
        var records = 0L;
        using (var writer = new TokenWriter(folder))
        {
            // Records of a file given for it are held out whatever their hash: 0, which no other gets.
            var given = new HashSet<ulong>();
            foreach (var (samples, hash) in Samples(heldOut, _options.HeldOutPath, cancellationToken))
            {
                given.Add(hash);
                foreach (var (first, second) in samples)
                    writer.Add(first, second, 0);
            }
            _seen.Clear();
            foreach (var (samples, hash) in Samples(files, _options.Path, cancellationToken))
            {
                if (given.Contains(hash))
                {
                    _alsoHeldOut++;
                    continue;
                }
                chosen.Add(hash);
                records++;
                foreach (var (first, second) in samples)
                    writer.Add(first, second, hash);
            }
            writer.Flush();
        }
        if (_bad > 0 && (!_options.SkipBad || _records == _bad))
            throw Refuse();
        var share = heldOut.Count > 0 ? 0 : (long)Math.Min(MostHeldOut, Math.Ceiling(records * _options.HeldOutShare));
        var (train, held) = Divide(folder, chosen.Threshold(share) ?? 0);
        if (train == 0)
            throw new DataException(
                $"{_options.Path} has no sample to learn from{(_tooLong > 0 ? $": all {_tooLong:N0} are longer than {_options.MaxTokens} tokens (MaxTokens)" : "")}");
        return new()
        {
            Format = _format ?? DataFormat.Text,
            Files = _files,
            Records = _records,
            Bad = _bad,
            Problems = [.. _problems.Take(ShownProblems)],
            Cut = _cut,
            TooLong = _tooLong,
            Duplicates = _duplicates,
            AlsoHeldOut = _alsoHeldOut,
            Samples = train,
            HeldOut = held,
            Tokens = _tokens,
            TargetTokens = _targets,
            Longest = _longest,
            NearDuplicates = _source?.Duplicates ?? 0,
            LeftOut = _source?.LeftOut ?? 0,
            Licences = _source?.Licences ?? [],
            DefaultTemplate = _isDefault && _format is DataFormat.Chat or DataFormat.ShareGpt or DataFormat.Alpaca
                ? _template.Source : null,
        };
    }

    // Both sides of the index, in its order.
    static (int Train, int HeldOut) Divide(string folder, ulong threshold)
    {
        using var all = new TokenFile(folder, TokenFile.AllName);
        using var train = new FileStream(Path.Combine(folder, TokenFile.TrainName), FileMode.Create, FileAccess.Write,
            FileShare.Read, 1 << 16);
        using var heldOut = new FileStream(Path.Combine(folder, TokenFile.HeldOutName), FileMode.Create, FileAccess.Write,
            FileShare.Read, 1 << 16);
        var entry = new byte[Entry.Bytes];
        for (var i = 0; i < all.Count; i++)
        {
            all[i].Write(entry);
            (all[i].Hash <= threshold ? heldOut : train).Write(entry);
        }
        train.Flush(flushToDisk: true);
        heldOut.Flush(flushToDisk: true);
        return ((int)(train.Length / Entry.Bytes), (int)(heldOut.Length / Entry.Bytes));
    }

    IEnumerable<(List<(Sample, Sample?)> Samples, ulong Hash)> Samples(IReadOnlyList<string> files, string? path,
        CancellationToken cancellationToken)
    {
        if (files.Count == 0)
            return [];
        _files += files.Count;
        return IsSource ? OfSource(path!, cancellationToken) : OfRecords(files, cancellationToken);
    }

    IEnumerable<(List<(Sample, Sample?)>, ulong)> OfSource(string path, CancellationToken cancellationToken)
    {
        _source = new SourceFolder(path);
        var make = new SourceSamples(_tokenizer, _options.MaxTokens, _options.Fim, _options.Spm, new Random(_options.Seed));
        foreach (var file in _source.Files())
        {
            cancellationToken.ThrowIfCancellationRequested();
            Count();
            if (Fit([.. make.Of(file).Select(s => (s, (Sample?)null))], file.Path) is { Count: > 0 } samples)
                yield return (samples, Hash(samples));
        }
    }

    IEnumerable<(List<(Sample, Sample?)>, ulong)> OfRecords(IReadOnlyList<string> files, CancellationToken cancellationToken)
    {
        foreach (var file in files)
            foreach (var record in DataFiles.Read(file))
            {
                cancellationToken.ThrowIfCancellationRequested();
                Count();
                foreach (var samples in Encode(record, DataFiles.IsText(file)))
                    if (Fit(samples, record.Place) is { Count: > 0 } fitting)
                        yield return (fitting, Hash(fitting));
                if (_bad >= GiveUpAfter && !_options.SkipBad)
                    throw Refuse();
            }
    }

    void Count()
    {
        if ((++_records & 0xFF) == 0)
            _progress?.Report(_records);
    }

    ulong Hash(List<(Sample First, Sample? Second)> samples)
    {
        var hash = Math.Max(1, TokenWriter.Hash(samples.SelectMany(s => s.Second is null ? [s.First] : new[] { s.First, s.Second })));
        if (!_seen.Add(hash))
            _duplicates++;
        else if (_seen.Count > MostDuplicates)
            _seen.Remove(hash);
        return hash;
    }

    // Samples that stay together; each piece of a long text stands alone.
    List<List<(Sample, Sample?)>> Encode(RawRecord record, bool isText)
    {
        try
        {
            if (record.Problem is { } problem)
                throw new RecordException(problem);
            var format = isText ? DataFormat.Text : _format ??= DataFormats.Recognise(record.Json!)
                ?? throw new RecordException(
                    $"what kind of record this is does not show in its keys ({string.Join(", ", record.Json!.Select(p => p.Key).Take(8))}): set Format to one of {string.Join(", ", Enum.GetNames<DataFormat>())}");
            if (isText)
                _format ??= DataFormat.Text;
            var example = RecordShape.Read(format, record.Json!);
            if (_bad > 0 && !_options.SkipBad)
                return []; // what follows is checked only
            return example switch
            {
                PreferenceExample pair => _encoder.Encode(pair) is var two ? [[(two.Chosen, two.Rejected)]] : [],
                TextExample => [.. _encoder.Encode(example).Select(s => new List<(Sample, Sample?)> { (s, null) })],
                _ => [[.. _encoder.Encode(example).Select(s => (s, (Sample?)null))]],
            };
        }
        catch (RecordException e)
        {
            _bad++;
            if (_problems.Count < ShownProblems)
                _problems.Add(new(record.Place, e.Message));
            return [];
        }
    }

    // :: 3
    List<(Sample, Sample?)> Fit(List<(Sample First, Sample? Second)> samples, string place)
    {
        var fitting = new List<(Sample, Sample?)>();
        foreach (var (first, second) in samples)
        {
            var length = Math.Max(first.Tokens.Length, second?.Tokens.Length ?? 0);
            _longest = Math.Max(_longest, length);
            var isTooLong = length > _options.MaxTokens;
            if (isTooLong && _options.TooLong == TooLong.Stop)
                throw new DataException(
                    $"{place}: its sample has {length:N0} tokens, where a sequence has {_options.MaxTokens:N0}: raise MaxTokens, or let such samples be cut or left out (TooLong)");
            var (a, b) = isTooLong ? (Cut(first), second is null ? null : Cut(second)) : (first, second);
            if (isTooLong && (_options.TooLong == TooLong.Skip || !HasTarget(a) || b is not null && !HasTarget(b)))
            {
                _tooLong++;
                continue;
            }
            _cut += isTooLong ? 1 : 0;
            foreach (var sample in b is null ? [a] : new[] { a, b })
            {
                _tokens += sample.Tokens.Length;
                _targets += sample.Targets.Skip(1).Count(t => t);
            }
            fitting.Add((a, b));
        }
        return fitting;
    }

    Sample Cut(Sample sample) => sample.Tokens.Length <= _options.MaxTokens ? sample
        : new(sample.Tokens[.._options.MaxTokens], sample.Targets[.._options.MaxTokens]);

    static bool HasTarget(Sample sample) => sample.Targets.AsSpan(1).Contains(true);

    DataException Refuse() => new($"{_bad:N0} of {_records:N0} records of {_options.Path} cannot be learned from:\n"
        + string.Join('\n', _problems.Select(p => $"  {p}")) + (_bad > _problems.Count ? $"\n  and {_bad - _problems.Count:N0} more" : "")
        + (_records == _bad ? "" : "\nCorrect them, or leave them out (SkipBad)"));
}
