namespace Banyan.Server.Inference.Requests;

static class StreamFields
{
    public static (bool Stream, bool IncludeUsage) Read(Fields fields)
    {
        var stream = fields.Flag("stream");
        var options = fields.Object("stream_options");
        return options is null || stream
            ? (stream, options?.Flag("include_usage") ?? false)
            : throw ApiException.Invalid("stream_options", "'stream_options' is only allowed with 'stream': true.");
    }
}
