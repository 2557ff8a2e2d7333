using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Loading;

/// <summary>Packs tensors one by one, checks their shapes, reports progress, and frees everything if loading fails midway.</summary>
internal sealed unsafe class WeightLoader(ModelFile file, WorkerPool pool, IProgress<LoadProgress>? progress) : IDisposable
{
    readonly List<IDisposable> _made = [];
    readonly WeightMemory _memory = new(file.Tensors.Sum(t => t.ByteLength));
    readonly long _total = file.Tensors.Sum(t => t.ByteLength);
    long _packed;

    public ModelFile File => file;

    public bool Has(string name) => file.TryGetTensor(name, out _);

    /// <summary>The projection of <c>NAME.weight</c> [rows, columns], and of <c>NAME.bias</c> [rows] where the file has it.</summary>
    public Projection Projection(string name, int rows, int columns, float scale = 1)
    {
        var weight = $"{name}.weight";
        var matrix = Pack(Get(weight, [rows, columns]), rows, columns);
        return new Projection(weight, matrix, Has($"{name}.bias") ? Vector($"{name}.bias", rows) : null) { Scale = scale * ScaleOf(name) };
    }

    /// <summary>
    /// Rows [first, first + rows) of <c>NAME.weight</c> [all, columns], and of its bias, as a projection: <c>NAME.weight#first</c>, a name
    /// that no file has.
    /// </summary>
    public Projection Part(string name, int first, int rows, int all, int columns)
    {
        var matrix = Pack(Get($"{name}.weight", [all, columns]).RowRange(first, rows), rows, columns);
        var bias = Has($"{name}.bias") ? Vector($"{name}.bias", all, first, rows) : null;
        return new Projection($"{name}.weight#{first}", matrix, bias) { Scale = ScaleOf(name) };
    }

    // What all of a matrix is multiplied by (NVFP4); what its activations were once quantized by is not used.
    unsafe float ScaleOf(string name)
    {
        if (name.EndsWith("ffn_gate_inp", StringComparison.Ordinal))
            return 1; // Gemma 4's is of the router's input
        Has($"{name}.input_scale");
        return Has($"{name}.scale") ? Vector($"{name}.scale", 1).Floats[0] : 1;
    }

    /// <summary>Rows of a matrix.</summary>
    public int Rows(string name) => File.GetTensor(name) is { Shape: [var rows and >= 1 and <= int.MaxValue, _] } ? (int)rows
        : throw new ModelFileException(File.Path,
            $"tensor {name} is [{string.Join(", ", File.GetTensor(name).Shape)}], where a matrix is needed");

    /// <summary>A projection [rows, columns] for each expert, from one tensor [experts, rows, columns].</summary>
    public Projection[] Experts(string name, int experts, int rows, int columns)
    {
        var weight = $"{name}.weight";
        var tensor = Get(weight, [experts, rows, columns]);
        return [.. Enumerable.Range(0, experts).Select(expert => new Projection(weight, Pack(tensor.Slice(expert), rows, columns)))];
    }

    /// <summary>A vector of floats.</summary>
    public AlignedBuffer Vector(string name, int size) => Vector(name, size, 0, size);

    /// <summary>
    /// The norm of <c>NAME.weight</c>, or of NAME where a converter left the ending out, and of <c>NAME.bias</c> of a LayerNorm.
    /// </summary>
    public Norm Norm(string name, int columns, float epsilon, bool isCentered)
    {
        var weight = Has($"{name}.weight") || !Has(name) ? $"{name}.weight" : name;
        return new Norm(weight, Vector(weight, columns), columns, epsilon)
        {
            IsCentered = isCentered,
            Bias = isCentered && Has($"{name}.bias") ? Vector($"{name}.bias", columns) : null,
        };
    }

    /// <summary>A vector of ones.</summary>
    public AlignedBuffer Ones(int count)
    {
        var ones = Made(count);
        new Span<float>(ones.Floats, count).Fill(1);
        return ones;
    }

    /// <summary>A tensor of that shape as floats, row by row.</summary>
    public AlignedBuffer Flat(string name, ReadOnlySpan<long> shape)
    {
        var tensor = Get(name, shape);
        var flat = Made(checked((int)(tensor.Rows * tensor.Columns)));
        tensor.Dequantize(0, (int)tensor.Rows, new Span<float>(flat.Floats, (int)(tensor.Rows * tensor.Columns)));
        return flat;
    }

    /// <summary>Gate and up of experts, from one tensor [experts, 2 · rows, columns].</summary>
    public (Projection[] Gate, Projection[] Up) FusedExperts(string name, int experts, int rows, int columns)
    {
        var weight = $"{name}.weight";
        var tensor = Get(weight, [experts, 2 * rows, columns]);
        Projection[] Half(int first) => [.. Enumerable.Range(0, experts).Select(expert =>
            new Projection($"{weight}#{first}", Pack(tensor.Slice(expert).RowRange(first, rows), rows, columns)))];
        return (Half(0), Half(rows));
    }

    AlignedBuffer Made(int count)
    {
        var buffer = new AlignedBuffer((long)count * sizeof(float));
        _made.Add(buffer);
        return buffer;
    }

    AlignedBuffer Vector(string name, int size, int first, int count)
    {
        var all = new float[size];
        Get(name, [size]).Dequantize(0, 1, all);
        var vector = new AlignedBuffer(count * sizeof(float));
        _made.Add(vector);
        all.AsSpan(first, count).CopyTo(new Span<float>(vector.Floats, count));
        return vector;
    }

    /// <summary>A small matrix [rows, columns] as floats [columns, rows].</summary>
    public AlignedBuffer Transposed(string name, int rows, int columns)
    {
        var tensor = Get(name, [rows, columns]);
        var matrix = new AlignedBuffer((long)rows * columns * sizeof(float));
        _made.Add(matrix);
        var row = new float[columns];
        for (var r = 0; r < rows; r++)
        {
            tensor.Dequantize(r, 1, row);
            for (var c = 0; c < columns; c++)
                matrix.Floats[(long)c * rows + r] = row[c];
        }
        return matrix;
    }

    /// <summary>Loading has succeeded: what was made is the caller's, who frees it.</summary>
    public IReadOnlyList<IDisposable> Keep()
    {
        IDisposable[] made = [.. _made, _memory];
        _made.Clear();
        _kept = true;
        progress?.Report(new LoadProgress(_total, _total));
        return made;
    }

    bool _kept;

    public void Dispose()
    {
        if (_kept)
            return;
        _made.ForEach(m => m.Dispose());
        _memory.Dispose();
    }

    Tensor Get(string name, ReadOnlySpan<long> shape)
    {
        var tensor = file.GetTensor(name);
        if (!shape.SequenceEqual([.. tensor.Shape]))
            throw new ModelFileException(file.Path,
                $"tensor {name} is [{string.Join(", ", tensor.Shape)}], where the metadata asks for [{string.Join(", ", shape.ToArray())}]");
        return tensor;
    }

    PackedMatrix Pack(Tensor tensor, int rows, int columns)
    {
        try
        {
            var matrix = tensor.IsMapped
                ? PackedMatrix.Pack(tensor.Format, tensor.Pointer, rows, columns, pool, releaseMapping: true, _memory)
                : PackMade(tensor, rows, columns);
            // Packing gives back whole pages of each panel; those that two panels share are given back here.
            if (tensor.IsMapped)
                AlignedBuffer.ReleaseMapping(tensor.Pointer, tensor.ByteLength);
            _packed += tensor.ByteLength;
            progress?.Report(new LoadProgress(_packed, _total));
            return matrix;
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException)
        {
            throw new ModelFileException(file.Path, $"tensor {tensor.Name}: {e.Message}", e);
        }
    }

    // What lies in no file as it is needed: one matrix at a time is made of it.
    PackedMatrix PackMade(Tensor tensor, int rows, int columns)
    {
        using var made = new AlignedBuffer(tensor.ByteLength, zeroed: false);
        tensor.CopyTo(made.Pointer);
        return PackedMatrix.Pack(tensor.Format, made.Pointer, rows, columns, pool, releaseMapping: false, _memory);
    }
}
