using System.Text;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.Normalization;

/// <summary>
/// Normalization form C (UAX #15): decompose, order the marks, compose. Text that is already normalized, as nearly all is, is only
/// scanned.
/// </summary>
sealed class Nfc : TextStep
{
    const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7; // UAX #15, 3.12
    const int Leads = 19, Vowels = 21, Tails = 28;

    public override byte[]? Apply(ReadOnlySpan<byte> text, bool first)
    {
        // Below U+0300, whose first byte is 0xCC, nothing changes.
        var at = text.IndexOfAnyInRange((byte)0xCC, (byte)0xFF);
        if (at < 0 || !MayChange(text, at))
            return null;

        var characters = new List<int>(text.Length);
        for (at = 0; at < text.Length;)
            Decompose(Characters.CodePoint(text, at, out at), characters);
        OrderMarks(characters);
        return ToUtf8(Compose(characters));
    }

    /// <summary>The characters of normalization form D.</summary>
    public static List<int> Decomposed(ReadOnlySpan<byte> text)
    {
        var characters = new List<int>(text.Length);
        for (var at = 0; at < text.Length;)
            Decompose(Characters.CodePoint(text, at, out at), characters);
        OrderMarks(characters);
        return characters;
    }

    static bool MayChange(ReadOnlySpan<byte> text, int at)
    {
        var data = CanonicalData.Instance;
        while (at < text.Length)
        {
            if (data.MayChange(Characters.CodePoint(text, at, out at)))
                return true;
        }
        return false;
    }

    static void Decompose(int codePoint, List<int> characters)
    {
        if (codePoint is >= HangulBase and < HangulBase + Leads * Vowels * Tails)
        {
            var index = codePoint - HangulBase;
            characters.Add(LeadBase + index / (Vowels * Tails));
            characters.Add(VowelBase + index / Tails % Vowels);
            if (index % Tails != 0)
                characters.Add(TailBase + index % Tails);
        }
        else if (CanonicalData.Instance.TryDecompose(codePoint, out var first, out var second))
        {
            Decompose(first, characters);
            if (second != 0)
                Decompose(second, characters);
        }
        else
        {
            characters.Add(codePoint);
        }
    }

    /// <summary>Sorts each run of marks by class; the sort is stable.</summary>
    static void OrderMarks(List<int> characters)
    {
        var data = CanonicalData.Instance;
        for (var at = 0; at < characters.Count;)
        {
            if (data.Class(characters[at]) == 0)
            {
                at++;
                continue;
            }
            var end = at + 1;
            var ordered = true;
            for (; end < characters.Count && data.Class(characters[end]) is var next and not 0; end++)
                ordered &= data.Class(characters[end - 1]) <= next;
            if (!ordered)
            {
                var run = characters.GetRange(at, end - at).OrderBy(mark => data.Class(mark)).ToList(); // OrderBy is stable
                for (var i = 0; i < run.Count; i++)
                    characters[at + i] = run[i];
            }
            at = end;
        }
    }

    static List<int> Compose(List<int> characters)
    {
        var data = CanonicalData.Instance;
        var composed = new List<int>(characters.Count);
        var starter = -1; // where in composed the last starter is
        byte lastClass = 0; // of the last character kept after it
        foreach (var character in characters)
        {
            var ownClass = data.Class(character);
            var blocked = starter < 0 || composed.Count - 1 > starter && (lastClass == 0 || lastClass >= ownClass);
            if (!blocked && TryJoin(data, composed[starter], character, out var joined))
            {
                composed[starter] = joined;
                continue;
            }
            if (ownClass == 0)
                starter = composed.Count;
            lastClass = ownClass;
            composed.Add(character);
        }
        return composed;
    }

    static bool TryJoin(CanonicalData data, int first, int second, out int joined)
    {
        if (first is >= LeadBase and < LeadBase + Leads && second is >= VowelBase and < VowelBase + Vowels)
        {
            joined = HangulBase + ((first - LeadBase) * Vowels + second - VowelBase) * Tails;
            return true;
        }
        if (first is >= HangulBase and < HangulBase + Leads * Vowels * Tails && (first - HangulBase) % Tails == 0
            && second is > TailBase and < TailBase + Tails)
        {
            joined = first + second - TailBase;
            return true;
        }
        return data.TryCompose(first, second, out joined);
    }

    static byte[] ToUtf8(List<int> characters)
    {
        var bytes = new List<byte>(characters.Count * 2);
        Span<byte> one = stackalloc byte[4];
        foreach (var character in characters)
            bytes.AddRange(one[..new Rune(character).EncodeToUtf8(one)]);
        return [.. bytes];
    }
}
