using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// ERNIE 4.5 (yiyan.baidu.com/blog/publication): as llama.
/// </summary>
internal sealed class Ernie45 : Family
{
    public override string Architecture => "ernie4_5";

    public override string Covers => "ERNIE 4.5 0.3B";

    public override HuggingFaceFamily HuggingFace => new("ernie4_5")
    {
        Keys = """
            compression_ratio = 1
            freq_allocation = 20
            enable_mtp_magic_send = false
            """,
    };

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;
}
