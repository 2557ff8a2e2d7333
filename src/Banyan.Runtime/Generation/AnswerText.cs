using System.Text;

namespace Banyan.Runtime.Generation;

/// <summary>Turns the bytes of an answer into text: returns whole characters only, and only those that the engine cannot take back any
/// more. Invalid UTF-8 becomes U+FFFD.</summary>
internal sealed class AnswerText
{
    readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    byte[] _pending = new byte[64];
    char[] _characters = new char[64];
    int _count;

    /// <summary>Adds a token's bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_count + bytes.Length > _pending.Length)
            Array.Resize(ref _pending, Math.Max(2 * _pending.Length, _count + bytes.Length));
        bytes.CopyTo(_pending.AsSpan(_count));
        _count += bytes.Length;
    }

    /// <summary>Removes the last bytes, a stop string.</summary>
    public void Cut(int bytes) => _count -= Math.Min(bytes, _count);

    /// <summary>The text up to the last <paramref name="held"/> bytes.</summary>
    /// <param name="held">Bytes at the end to hold back.</param>
    /// <param name="last">Also returns an incomplete character, as U+FFFD.</param>
    public string Take(int held, bool last)
    {
        var ready = Math.Max(0, _count - held);
        if (ready == 0 && !last)
            return "";
        if (_characters.Length < ready + 4)
            _characters = new char[2 * (ready + 4)];
        var written = _decoder.GetChars(_pending.AsSpan(0, ready), _characters, last);
        _pending.AsSpan(ready, _count - ready).CopyTo(_pending);
        _count -= ready;
        return written == 0 ? "" : new string(_characters, 0, written);
    }
}
