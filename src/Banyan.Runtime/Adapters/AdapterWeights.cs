using Banyan.Runtime.Files;
using Banyan.Runtime.Models;

namespace Banyan.Runtime.Adapters;

/// <summary>A LoRA or DoRA adapter: W·x becomes W·x + scale · B·A·x.</summary>
/// <param name="Rank">Rows of every A, columns of every B; where they differ, the rank of the scale.</param>
/// <param name="Alpha">α of the scale.</param>
/// <param name="RankStabilized">The scale is α / √rank instead of α / rank.</param>
/// <param name="Projections">Which projections are adapted.</param>
public sealed record AdapterWeights(int Rank, float Alpha, bool RankStabilized, IReadOnlyList<ProjectionAdapter> Projections)
{
    /// <summary>What B·A is multiplied by.</summary>
    public float Scale => RankStabilized ? Alpha / MathF.Sqrt(Rank) : Alpha / Rank;

    /// <summary>Whether its projections have magnitudes.</summary>
    public bool IsDora => Projections.Any(p => p.Magnitude is not null);

    /// <summary>
    /// Reads a folder that PEFT or Banyan wrote (<c>adapter_config.json</c>), or a GGUF adapter: the file, or a folder's only one.
    /// </summary>
    /// <param name="path">Its path.</param>
    /// <param name="config">The base's shape.</param>
    /// <exception cref="ModelFileException">It is missing, damaged, or of an unsupported kind.</exception>
    public static AdapterWeights Read(string path, Config config)
    {
        if (!Directory.Exists(path))
            return File.Exists(path) ? GgufAdapter.Read(path, config)
                : throw new ModelFileException(path,
                    "there is no such file or folder; an adapter is a .gguf or a folder with adapter_config.json");
        if (File.Exists(Path.Combine(path, PeftAdapter.ConfigName)))
            return PeftAdapter.Read(path, config);
        return Directory.GetFiles(path, "*.gguf") is [var only] ? GgufAdapter.Read(only, config)
            : throw new ModelFileException(path,
                $"the folder has no {PeftAdapter.ConfigName} and no single .gguf, so it is no adapter; name the folder or file that training wrote");
    }
}

/// <summary>The adapter of one projection.</summary>
/// <param name="Tensor">The projection's tensor in GGUF: <c>blk.0.attn_q.weight</c>.</param>
/// <param name="Rows">Its outputs.</param>
/// <param name="Columns">Its inputs.</param>
/// <param name="A">[rank, columns], rows one after the other.</param>
/// <param name="B">[rows, rank], rows one after the other.</param>
public sealed record ProjectionAdapter(string Tensor, int Rows, int Columns, float[] A, float[] B)
{
    /// <summary>Rows of <see cref="A"/>.</summary>
    public int Rank => A.Length / Columns;

    /// <summary>Which expert of the tensor; null if it has none.</summary>
    public int? Expert { get; init; }

    /// <summary>DoRA: the norm of each row of the adapted weight, [rows]; null for LoRA.</summary>
    public float[]? Magnitude { get; init; }

    /// <summary>The adapter of some of its rows.</summary>
    internal ProjectionAdapter Part(int first, int rows) => this with
    {
        Tensor = $"{Tensor}#{first}",
        Rows = rows,
        B = B[(first * Rank)..((first + rows) * Rank)],
        Magnitude = Magnitude?[first..(first + rows)],
    };

    /// <summary>weights[columns], a row of W, += scale · (B·A)[row].</summary>
    internal void AddTo(Span<float> weights, int row, float scale)
    {
        for (var k = 0; k < Rank; k++)
        {
            var factor = scale * B[row * Rank + k];
            var a = A.AsSpan(k * Columns, Columns);
            for (var column = 0; column < a.Length; column++)
                weights[column] += factor * a[column];
        }
    }

    /// <summary>A row of W becomes that of the adapted weight: W + scale · B·A, with DoRA's norm where it has one.</summary>
    public void Merge(Span<float> weights, int row, float scale)
    {
        AddTo(weights, row, scale);
        if (Magnitude is null)
            return;
        var gain = Gain(weights, row);
        foreach (ref var weight in weights)
            weight *= gain;
    }

    /// <summary>DoRA's factor of a row of W + scale · B·A.</summary>
    internal float Gain(ReadOnlySpan<float> weights, int row)
    {
        var squares = 0.0;
        foreach (var weight in weights)
            squares += (double)weight * weight;
        return squares == 0 ? 0 : (float)(Magnitude![row] / Math.Sqrt(squares));
    }
}
