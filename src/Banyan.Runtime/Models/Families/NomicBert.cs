using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>Nomic Embed (arXiv 2402.01613): BERT with rotary positions and SwiGLU.</summary>
internal sealed class NomicBert : Bert
{
    public override string Architecture => "nomic-bert";

    public override string Covers => "Nomic Embed v1, v1.5";

    public override Config Refine(ConfigReader reader, Config common) => common;

    protected override Block FeedForward(LayerLoader at) => new GatedFeedForward(at, at.Config.FeedForwardSize);
}
