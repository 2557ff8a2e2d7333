using System.Text;
using Banyan.Runtime.Files.Gguf;

namespace Banyan.Runtime.Tests.Files.Hostile;

/// <summary>GGUF bytes without the writer's conscience.</summary>
sealed class RawGguf
{
    readonly MemoryStream _stream = new();
    readonly BinaryWriter _writer;

    public RawGguf(ulong tensors, ulong keys, uint version = 3)
    {
        _writer = new BinaryWriter(_stream);
        _writer.Write("GGUF"u8);
        _writer.Write(version);
        _writer.Write(tensors);
        _writer.Write(keys);
    }

    public RawGguf Number<T>(T value) where T : unmanaged
    {
        _writer.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<T>(ref value)));
        return this;
    }

    public RawGguf Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));

    public RawGguf Bytes(params byte[] bytes)
    {
        Number((ulong)bytes.Length);
        _writer.Write(bytes);
        return this;
    }

    public RawGguf Key(string name, GgufValueType type) => Text(name).Number((uint)type);

    public RawGguf Tensor(string name, uint type, ulong offset, params ulong[] dimensions)
    {
        Text(name).Number((uint)dimensions.Length);
        foreach (var dimension in dimensions)
            Number(dimension);
        return Number(type).Number(offset);
    }

    public byte[] With(int weights)
    {
        _writer.Write(new byte[(32 - _stream.Length % 32) % 32 + weights]);
        return _stream.ToArray();
    }
}
