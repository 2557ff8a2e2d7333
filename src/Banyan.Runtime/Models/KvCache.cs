using Banyan.Runtime.Kernels;

namespace Banyan.Runtime.Models;

/// <summary>
/// Keys and values of all sequences, in pages of 64 tokens with all layers of those tokens: [pages, layers, KV heads, keys then values].
/// Memory is reserved at once and touched page by page.
/// </summary>
internal sealed unsafe class KvCache : IDisposable
{
    readonly AlignedBuffer _buffer;
    readonly long _pageBytes;

    /// <param name="config">The model.</param>
    /// <param name="format">How a number is stored.</param>
    /// <param name="tokens">How many tokens it is to hold; rounded up to whole pages.</param>
    public KvCache(Config config, KvFormat format, int tokens)
    {
        Layout = LayoutOf(config, format);
        _pageBytes = Layout.PageBytes * config.Layers;
        Pool = new PagePool(KvLayout.Pages(tokens), KvLayout.PagePositions);
        _buffer = new AlignedBuffer(Pool.Pages * _pageBytes, zeroed: false);
    }

    /// <summary>How a layer's part of a page lies.</summary>
    public KvLayout Layout { get; }

    /// <summary>Which pages are taken.</summary>
    public PagePool Pool { get; }

    /// <summary>The address of a page.</summary>
    public byte* Page(int page) => _buffer.Pointer + page * _pageBytes;

    /// <summary>From a page's address to a layer's part of it.</summary>
    public long LayerOffset(int layer) => layer * Layout.PageBytes;

    /// <summary>Memory a token takes.</summary>
    public static long BytesPerToken(Config config, KvFormat format) =>
        LayoutOf(config, format).PageBytes * config.Layers / KvLayout.PagePositions;

    static KvLayout LayoutOf(Config config, KvFormat format) =>
        new(format switch { KvFormat.F32 => 32, KvFormat.F16 => 16, _ => 8 }, config.KvHeads, config.HeadSize);

    public void Dispose() => _buffer.Dispose();
}
