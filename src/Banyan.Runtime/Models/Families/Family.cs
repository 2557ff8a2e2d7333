using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// What distinguishes one architecture from the next: one file a family, one row in <see cref="All"/> (docs/models.md has the steps).
/// What follows from the tensors alone (biases, a tied output) needs no word here.
/// </summary>
internal abstract class Family
{
    /// <summary>Every family, in the order an error lists them.</summary>
    public static IReadOnlyList<Family> All { get; } = [new Qwen2(), new Qwen3(), new Qwen3Moe(), new Llama()];

    /// <summary>The architecture's name in GGUF.</summary>
    public abstract string Architecture { get; }

    /// <summary>Models people know that are of it.</summary>
    public abstract string Covers { get; }

    /// <summary>How rotary pairs lie in this kind of file.</summary>
    public virtual RopePairs Pairs(ModelFileKind kind) => RopePairs.Halves;

    /// <summary>Adds what is the family's own to the common configuration.</summary>
    public virtual Config Refine(ConfigReader reader, Config common) => common;
}
