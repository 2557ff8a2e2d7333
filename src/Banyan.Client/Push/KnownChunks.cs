using Banyan.Chunks;
using Banyan.Client.Xet;

namespace Banyan.Client.Push;

/// <summary>A xorb that contains chunks; while it is being filled it has no name yet.</summary>
sealed class XorbName
{
    public XetHash Hash { get; set; }
}

/// <summary>Chunks that need not be sent: from this upload, from earlier ones, and those that the hub reports.</summary>
sealed class KnownChunks
{
    readonly Dictionary<XetHash, (XorbName Xorb, int Number)> _places = [];
    readonly List<(byte[] Key, Dictionary<XetHash, (XorbName Xorb, int Number)> Places)> _hidden = [];

    public bool TryFind(XetHash chunk, out (XorbName Xorb, int Number) place)
    {
        if (_places.TryGetValue(chunk, out place))
            return true;
        foreach (var (key, places) in _hidden)
            if (places.TryGetValue(chunk.Keyed(key), out place))
                return true;
        return false;
    }

    public void Add(XetHash chunk, XorbName xorb, int number) => _places.TryAdd(chunk, (xorb, number));

    public void Add(ShardXorb xorb)
    {
        var name = new XorbName { Hash = xorb.Hash };
        for (var i = 0; i < xorb.Chunks.Length; i++)
            Add(xorb.Chunks[i].Hash, name, i);
    }

    /// <summary>Adds a hub's answer about a chunk and its neighbours.</summary>
    public void Add(KeyedShard answer)
    {
        if (answer.Key is null)
        {
            foreach (var xorb in answer.Shard.Xorbs)
                Add(xorb);
            return;
        }
        var hidden = _hidden.FirstOrDefault(h => h.Key.AsSpan().SequenceEqual(answer.Key)).Places;
        if (hidden is null)
            _hidden.Add((answer.Key, hidden = []));
        foreach (var xorb in answer.Shard.Xorbs)
        {
            var name = new XorbName { Hash = xorb.Hash };
            for (var i = 0; i < xorb.Chunks.Length; i++)
                hidden.TryAdd(xorb.Chunks[i].Hash, (name, i));
        }
    }
}
