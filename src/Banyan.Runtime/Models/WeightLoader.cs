using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;

namespace Banyan.Runtime.Models;

/// <summary>Packs tensors one by one, checks their shapes, tells how far it is, and frees everything again where loading fails midway.</summary>
internal sealed unsafe class WeightLoader(ModelFile file, WorkerPool pool, IProgress<LoadProgress>? progress) : IDisposable
{
    readonly List<IDisposable> _made = [];
    readonly long _total = file.Tensors.Sum(t => t.ByteLength);
    long _packed;

    /// <summary>Where the matrices lie; null after <see cref="Keep"/>.</summary>
    public WeightMemory? Memory { get; private set; } = new(file.Tensors.Sum(t => t.ByteLength));

    public bool Has(string name) => file.TryGetTensor(name, out _);

    /// <summary>A matrix [rows, columns].</summary>
    public PackedMatrix Matrix(string name, int rows, int columns)
    {
        var tensor = Get(name, [rows, columns]);
        return Pack(tensor, rows, columns);
    }

    /// <summary>A matrix [rows, columns] for each expert, from one tensor [experts, rows, columns].</summary>
    public PackedMatrix[] Experts(string name, int experts, int rows, int columns)
    {
        var tensor = Get(name, [experts, rows, columns]);
        return [.. Enumerable.Range(0, experts).Select(expert => Pack(tensor.Slice(expert), rows, columns))];
    }

    /// <summary>A vector of floats.</summary>
    public AlignedBuffer Vector(string name, int size)
    {
        var tensor = Get(name, [size]);
        var vector = new AlignedBuffer(size * sizeof(float));
        _made.Add(vector);
        tensor.Dequantize(0, 1, new Span<float>(vector.Floats, size));
        return vector;
    }

    /// <summary>A vector that not every file has.</summary>
    public AlignedBuffer? OptionalVector(string name, int size) => Has(name) ? Vector(name, size) : null;

    /// <summary>Loading has succeeded: what was made is the caller's.</summary>
    public T Keep<T>(T weights)
    {
        _made.Clear();
        Memory = null;
        progress?.Report(new LoadProgress(_total, _total));
        return weights;
    }

    public void Dispose()
    {
        _made.ForEach(m => m.Dispose());
        Memory?.Dispose();
    }

    Tensor Get(string name, ReadOnlySpan<long> shape)
    {
        var tensor = file.GetTensor(name);
        if (!shape.SequenceEqual([.. tensor.Shape]))
            throw new ModelFileException(file.Path, $"tensor {name} is [{string.Join(", ", tensor.Shape)}], where the metadata asks for [{string.Join(", ", shape.ToArray())}]");
        return tensor;
    }

    PackedMatrix Pack(Tensor tensor, int rows, int columns)
    {
        try
        {
            var matrix = PackedMatrix.Pack(tensor.Format, tensor.Pointer, rows, columns, pool, releaseMapping: true, Memory);
            // Packing gives back whole pages of each panel; those that two panels share are given back here.
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
}
