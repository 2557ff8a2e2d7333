using System.Text;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Banyan.Training.Data.Records;

/// <summary>A file of plain text: a document, in pieces that can be held in memory.</summary>
static class TextFiles
{
    internal const int PieceBytes = 4 << 20;

    public static IEnumerable<RawRecord> Read(Stream stream, string file)
    {
        var (bytes, kept, number) = (new byte[PieceBytes], 0, 0L);
        var ended = false;
        while (!ended)
        {
            var read = stream.ReadAtLeast(bytes.AsSpan(kept), bytes.Length - kept, throwOnEndOfStream: false);
            var count = kept + read;
            ended = count < bytes.Length;
            // Up to the end of a line; where there is none that far, of a character.
            var cut = ended ? count : bytes.AsSpan(0, count).LastIndexOf((byte)'\n') + 1;
            if (cut == 0)
                cut = BeforeLastCharacter(bytes);
            if (cut > 0)
                yield return Piece(bytes.AsSpan(0, cut), RawRecord.At(file, "part", ++number));
            kept = count - cut;
            bytes.AsSpan(cut, kept).CopyTo(bytes);
        }
    }

    // Where the last character, which may go on, begins: behind at most three bytes that continue it.
    static int BeforeLastCharacter(ReadOnlySpan<byte> bytes)
    {
        var at = bytes.Length - 1;
        while (at > bytes.Length - 4 && (bytes[at] & 0xC0) == 0x80)
            at--;
        return at;
    }

    static RawRecord Piece(ReadOnlySpan<byte> bytes, string place)
    {
        if (bytes.StartsWith("\uFEFF"u8))
            bytes = bytes[3..];
        return Utf8.IsValid(bytes)
            ? new(place, new JsonObject { ["text"] = Encoding.UTF8.GetString(bytes) }, null)
            : new(place, null, "it is not valid UTF-8: save the file as UTF-8");
    }
}
