namespace Banyan.Runtime.Models.Families;

/// <summary>Qwen3.5 with experts, and one more that is every row's as much as a gate says.</summary>
internal class Qwen35Moe : Qwen35
{
    public override string Architecture => "qwen35moe";

    public override string Covers => "Qwen3.5-35B-A3B, 3.6-35B-A3B, text";

    public override string Keys => base.Keys + " expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common) => Mixed(reader, common) with
    {
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true),
    };
}
