using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// ERNIE 4.5 (yiyan.baidu.com/blog/publication): as llama.
/// </summary>
internal sealed class Ernie45 : Family
{
    public override string Architecture => "ernie4_5";

    public override string Covers => "ERNIE 4.5 0.3B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;
}
