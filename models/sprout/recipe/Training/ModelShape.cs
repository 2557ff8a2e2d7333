namespace Banyan.Sprout.Training;

/// <summary>Sprout's dimensions, named as Hugging Face's Qwen2Config names them.</summary>
internal sealed record ModelShape
{
    public int VocabularySize { get; init; } = 4096;

    public int HiddenSize { get; init; } = 192;

    public int Layers { get; init; } = 5;

    public int Heads { get; init; } = 3;

    public int KeyValueHeads { get; init; } = 1;

    public int IntermediateSize { get; init; } = 512;

    public int ContextLength { get; init; } = 1024;

    public float RopeTheta { get; init; } = 10_000;

    public float NormEpsilon { get; init; } = 1e-6f;

    public int HeadSize => HiddenSize / Heads;
}
