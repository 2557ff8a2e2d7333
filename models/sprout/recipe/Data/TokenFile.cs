using System.Runtime.InteropServices;

namespace Banyan.Sprout.Data;

/// <summary>Tokens on disk: 16-bit little-endian ids, nothing else.</summary>
internal static class TokenFile
{
    public static void Write(string path, List<ushort> tokens) =>
        File.WriteAllBytes(path, MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(tokens)));

    public static ushort[] Read(string path) => MemoryMarshal.Cast<byte, ushort>(File.ReadAllBytes(path)).ToArray();
}
