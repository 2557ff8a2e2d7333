namespace Banyan.Server.Viewer;

/// <summary>
/// Pictures and sound in cells, recognised by their first bytes. Of the types that a browser shows without running anything.
/// </summary>
static class CellMedia
{
    /// <summary>The content's type, or null if it is none that is shown.</summary>
    public static string? TypeOf(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']))
            return "image/png";
        if (start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            return "image/jpeg";
        if (start.StartsWith("GIF8"u8))
            return "image/gif";
        if (start.Length >= 12 && start.StartsWith("RIFF"u8))
            return start[8..12].SequenceEqual("WEBP"u8) ? "image/webp" : start[8..12].SequenceEqual("WAVE"u8) ? "audio/wav" : null;
        if (start.StartsWith("fLaC"u8))
            return "audio/flac";
        if (start.StartsWith("OggS"u8))
            return "audio/ogg";
        return start.StartsWith("ID3"u8) || start is [0xFF, 0xFB or 0xF3 or 0xF2, ..] ? "audio/mpeg" : null;
    }
}
