using System.Globalization;
using System.Text.RegularExpressions;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>A tensor, or several, stored in another form in safetensors than in GGUF. Both directions work on tensors under GGUF's names,
/// or names that only one side has (<c>ffn_gate_up_exps.weight</c>); rows are computed on demand.</summary>
/// <param name="read">From safetensors' form to GGUF's.</param>
/// <param name="write">From GGUF's form to safetensors'; null: it is only read.</param>
internal sealed class TensorForm(Action<TensorSet> read, Action<TensorSet>? write)
{
    public void Read(TensorSet set) => read(set);

    public void Write(TensorSet set) => write?.Invoke(set);

    /// <summary>The same, if a condition on the model's metadata holds.</summary>
    public TensorForm Where(Func<TensorSet, bool> holds) => new(
        set =>
        {
            if (holds(set))
                Read(set);
        },
        set =>
        {
            if (holds(set))
                Write(set);
        });

    /// <summary>The same, for reading only.</summary>
    public TensorForm WhenRead() => new(Read, null);

    /// <summary>A conversion of tensors that GGUF has in more than one form.</summary>
    public static TensorForm OnlyWritten(Action<TensorSet> write) => new(_ => { }, write);

    /// <summary>Weights of norms that transformers stores without their 1, which GGUF includes.</summary>
    /// <param name="names">Ends of names; <c>norm.weight</c> is every norm.</param>
    /// <param name="but">Ends of names that match those, but whose tensors do contain the 1.</param>
    public static TensorForm PlusOne(string[] names, params string[] but)
    {
        bool Has(string name) => names.Any(n => name.EndsWith(n, StringComparison.Ordinal))
            && !but.Any(n => name.EndsWith(n, StringComparison.Ordinal));
        return Each(Has, t => t.Map(w => w + 1), t => t.Map(w => w - 1));
    }

    /// <summary>A = −exp(A_log).</summary>
    public static TensorForm NegatedExponential(string name) => Each(name, t => t.Map(w => -MathF.Exp(w)), t => t.Map(w => MathF.Log(-w)));

    /// <summary>A convolution of each channel: [channels, 1, kernel] in safetensors, [channels, kernel] in GGUF.</summary>
    public static TensorForm Convolution(string name) =>
        Each(name, t => t.Shape.Count == 3 ? t.Reshape(t.Shape[0], t.Shape[^1]) : t, t => t.Reshape(t.Shape[0], 1, t.Shape[^1]));

    /// <summary>A vector, which is a matrix of one column in GGUF.</summary>
    public static TensorForm Column(string name) => Each(name, t => t.Reshape(t.Shape[0], 1), t => t.Reshape(t.Rows * t.Columns));

    /// <summary>A matrix of one row, which is a vector in GGUF.</summary>
    public static TensorForm Vector(string name) => Each(name, t => t.Reshape(t.Rows * t.Columns), t => t.Reshape(1, t.Columns));

    /// <summary>A norm's weights, in GGUF a row a group of <c>ssm.group_count</c>.</summary>
    public static TensorForm Groups(string name) => new(
        set => set.Each(name, t => set.Number("ssm.group_count") is > 1 and var groups && t.Columns % groups == 0
            ? t.Reshape(groups, t.Columns / groups) : t),
        set => set.Each(name, t => t.Reshape(t.Rows * t.Columns)));

    /// <summary>Transposed matrices: [columns, rows].</summary>
    public static TensorForm Transposed(string from, string name) => new(
        set => set.Layers(layer => set.Replace(layer + from, layer + name, t => t.Transpose())),
        set => set.Layers(layer => set.Replace(layer + name, layer + from, t => t.Transpose())));

    /// <summary>Several matrices of equal height concatenated by rows (for experts, in each expert).</summary>
    public static TensorForm Split(string whole, params string[] parts) => new(
        set => set.Layers(layer => set.Split(layer + whole, [.. parts.Select(p => layer + p)], interleaved: false)),
        set => set.Layers(layer => set.Join(layer + whole, [.. parts.Select(p => layer + p)], interleaved: false)));

    /// <summary>Rows of two matrices by turns; of a vector for each expert, its numbers.</summary>
    public static TensorForm Interleaved(string whole, params string[] parts) => new(
        set => set.Layers(layer => set.Split(layer + whole, [.. parts.Select(p => layer + p)], interleaved: true)),
        set => set.Layers(layer => set.Join(layer + whole, [.. parts.Select(p => layer + p)], interleaved: true)));

    /// <summary>A renamed tensor.</summary>
    public static TensorForm Renamed(string from, string name) => new(
        set => set.Layers(layer => set.Replace(layer + from, layer + name, t => t)),
        set => set.Layers(layer => set.Replace(layer + name, layer + from, t => t)));

    /// <summary>Rows in another order: of a model, a row's number to the one that has it on the other side.</summary>
    public static TensorForm Rows(string name, Func<TensorSet, Func<long, long>> read, Func<TensorSet, Func<long, long>> write) => new(
        set => set.Each(name, t => Reordered(t, read(set))), set => set.Each(name, t => Reordered(t, write(set))));

    /// <summary>Columns in another order.</summary>
    public static TensorForm Columns(string name, Func<TensorSet, Func<long, long>> read, Func<TensorSet, Func<long, long>> write) => new(
        set => set.Each(name, t => t.PickColumns(t.Columns, read(set))), set => set.Each(name, t => t.PickColumns(t.Columns, write(set))));

    /// <summary>A tensor that is left out in both directions.</summary>
    public static TensorForm Dropped(Func<TensorSet, string, bool> which) =>
        new(set => set.RemoveAll(name => which(set, name)), set => set.RemoveAll(name => which(set, name)));

    // Of a vector its numbers.
    static Tensor Reordered(Tensor tensor, Func<long, long> from) =>
        tensor.Shape.Count == 1 ? tensor.PickColumns(tensor.Columns, from) : tensor.PickRows([.. tensor.Shape], from);

    static TensorForm Each(string name, Func<Tensor, Tensor> read, Func<Tensor, Tensor> write) =>
        new(set => set.Each(name, read), set => set.Each(name, write));

    static TensorForm Each(Func<string, bool> names, Func<Tensor, Tensor> read, Func<Tensor, Tensor> write) =>
        new(set => set.Each(names, read), set => set.Each(names, write));
}

/// <summary>A model's tensors during the conversion of their form.</summary>
internal sealed partial class TensorSet
{
    readonly string _path;
    readonly Func<string, long> _number;
    readonly OrderedDictionary<string, Tensor> _tensors = [];

    /// <param name="path">The model's, for errors.</param>
    /// <param name="tensors">Under their original names.</param>
    /// <param name="number">A number of the metadata under the architecture's name; 0 if there is none.</param>
    /// <exception cref="ModelFileException">Two have the same name.</exception>
    public TensorSet(string path, IEnumerable<Tensor> tensors, Func<string, long> number)
    {
        (_path, _number) = (path, number);
        foreach (var tensor in tensors)
            Add(tensor);
    }

    public IReadOnlyList<Tensor> Tensors => [.. _tensors.Values];

    public bool Has(string name) => _tensors.ContainsKey(name);

    /// <summary>A number of the metadata under the architecture's name; 0 if there is none.</summary>
    public long Number(string key) => _number(key);

    public void Add(Tensor tensor)
    {
        if (!_tensors.TryAdd(tensor.Name, tensor))
            throw new ModelFileException(_path, $"two tensors mean '{tensor.Name}'; the file is damaged or its writer is at fault");
    }

    /// <summary>Adds a matrix of some rows of another.</summary>
    public void AddRows(string name, string of, long[] rows)
    {
        if (!_tensors.TryGetValue(of, out var tensor))
            throw new ModelFileException(_path, $"'{of}' is missing; files are missing, or the config is another model's");
        if (rows.FirstOrDefault(r => r >= tensor.Rows, -1) is >= 0 and var outside)
            throw new ModelFileException(_path,
                $"'{of}' has {tensor.Rows} rows, and none of number {outside}; the tokenizer is another model's");
        Add(tensor.PickRows([rows.Length, tensor.Columns], row => rows[row]).Named(name));
    }

    public bool Take(string name, out Tensor tensor) => _tensors.Remove(name, out tensor!);

    public void RemoveAll(Func<string, bool> which)
    {
        foreach (var name in _tensors.Keys.Where(which).ToList())
            _tensors.Remove(name);
    }

    /// <summary>Changes the tensors of a name in each layer, or outside the layers.</summary>
    public void Each(string name, Func<Tensor, Tensor> change) =>
        Each(n => n == name
            || (n.EndsWith(name, StringComparison.Ordinal) && Layer().Match(n) is { Success: true } layer
                && layer.Length + name.Length == n.Length), change);

    public void Each(Func<string, bool> names, Func<Tensor, Tensor> change)
    {
        foreach (var name in _tensors.Keys.Where(names).ToList())
            _tensors[name] = Change(name, () => change(_tensors[name])).Named(name);
    }

    /// <summary>For each layer the prefix of its tensors' names, and the empty prefix for tensors outside the layers.</summary>
    public void Layers(Action<string> change)
    {
        foreach (var layer in _tensors.Keys.Select(n => Layer().Match(n).Value).Distinct().ToList())
            change(layer);
    }

    public void Replace(string from, string name, Func<Tensor, Tensor> change)
    {
        if (Take(from, out var tensor))
            Add(Change(from, () => change(tensor)).Named(name));
    }

    public void Split(string whole, string[] parts, bool interleaved)
    {
        if (!Take(whole, out var tensor))
            return;
        var count = parts.Length;
        // A vector for each expert, [experts, numbers]: its columns are what is a row of a matrix.
        var isVectors = tensor.Shape.Count < 3 && whole.EndsWith(".bias", StringComparison.Ordinal);
        var (matrices, height) = isVectors ? (tensor.Rows, tensor.Columns)
            : (tensor.Shape.Count == 3 ? tensor.Shape[0] : 1, tensor.Shape.Count < 2 ? tensor.Columns : tensor.Shape[^2]);
        if (height % count != 0)
            throw new ModelFileException(_path,
                $"'{whole}' [{string.Join(", ", tensor.Shape)}] cannot be divided by {count}; the file is damaged or of another kind of model");
        var rows = height / count;
        for (var i = 0; i < count; i++)
        {
            var part = i;
            long From(long row) => interleaved ? row * count + part : part * rows + row;
            Add((isVectors || tensor.Shape.Count < 2
                ? tensor.PickColumns(rows, From)
                : tensor.PickRows([.. tensor.Shape.Take(tensor.Shape.Count - 2), rows, tensor.Columns],
                    row => row / rows * height + From(row % rows))).Named(parts[part]));
        }
    }

    public void Join(string whole, string[] parts, bool interleaved)
    {
        if (!parts.All(Has))
            return;
        Tensor[] tensors = [.. parts.Select(p => Take(p, out var tensor) ? tensor : throw new InvalidOperationException())];
        var (first, count) = (tensors[0], tensors.Length);
        if (first.Shape.Count < 3 && whole.EndsWith(".bias", StringComparison.Ordinal))
        {
            var size = first.Columns;
            var all = TensorViews.Join(whole, [first.Rows * count, size], tensors);
            // [parts · experts, size] to [experts, parts · size]
            Tensor perExpert = all.PickRows([first.Rows * count, size], row => row % count * first.Rows + row / count)
                .Reshape(first.Rows, count * size);
            Add((interleaved ? perExpert.PickColumns(count * size, c => c % count * size + c / count) : perExpert).Named(whole));
            return;
        }
        var rows = first.Shape[^2];
        var joined = TensorViews.Join(whole, [count * first.Rows, first.Columns], tensors);
        Add(joined.PickRows([.. first.Shape.Take(first.Shape.Count - 2), count * rows, first.Columns], row =>
        {
            var (matrix, at) = (row / (count * rows), row % (count * rows));
            var (part, own) = interleaved ? (at % count, at / count) : (at / rows, at % rows);
            return part * first.Rows + matrix * rows + own;
        }).Named(whole));
    }

    public static int LayerOf(string name) => Layer().Match(name) is { Success: true } layer
        ? int.Parse(layer.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : -1;

    // A shape that a change cannot have is the file's fault.
    Tensor Change(string name, Func<Tensor> change)
    {
        try
        {
            return change();
        }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw new ModelFileException(_path, $"tensor '{name}' has a shape that models of its kind do not have: {e.Message}", e);
        }
    }

    [GeneratedRegex(@"^blk\.([0-9]{1,5})\.", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();
}
