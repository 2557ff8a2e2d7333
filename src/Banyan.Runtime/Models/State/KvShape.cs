namespace Banyan.Runtime.Models.State;

/// <summary>What one attention keeps of a token: its keys and values. Several blocks may share one.</summary>
/// <param name="Index">Its place among the model's states.</param>
/// <param name="KvHeads">Key and value heads.</param>
/// <param name="KeySize">Width of a key head.</param>
/// <param name="ValueSize">Width of a value head.</param>
internal sealed record KvShape(int Index, int KvHeads, int KeySize, int ValueSize);
