namespace Banyan.Runtime.Models.State;

/// <summary>A mixer's state of a sequence between passes. Several blocks may share one.</summary>
/// <param name="Index">Its place among the model's states.</param>
internal abstract record LayerState(int Index);

/// <summary>Keys and values of every token, or of the last, in pages.</summary>
/// <param name="Index">Its place among the model's states.</param>
/// <param name="KvHeads">Key and value heads.</param>
/// <param name="KeySize">Width of a key head.</param>
/// <param name="ValueSize">Width of a value head.</param>
/// <param name="Window">How many of the last tokens are ever read, the newest counted; 0: all.</param>
/// <param name="ValuesAreKeys">The values are the first numbers of the keys, and kept once.</param>
internal sealed record KvShape(int Index, int KvHeads, int KeySize, int ValueSize, int Window = 0, bool ValuesAreKeys = false)
    : LayerState(Index);

/// <summary>Numbers that each token changes, as many for a long sequence as for a short one (<see cref="RecurrentStates"/>).</summary>
/// <param name="Index">Its place among the model's states.</param>
/// <param name="Offset">Where they begin among those of all layers.</param>
/// <param name="Floats">How many they are.</param>
internal sealed record RecurrentShape(int Index, long Offset, long Floats) : LayerState(Index);
