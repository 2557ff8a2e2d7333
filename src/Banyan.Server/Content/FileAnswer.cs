using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Banyan.Server.Content;

/// <summary>Answers a GET or HEAD with a large file, or the range of it that was asked for.</summary>
static class FileAnswer
{
    /// <summary>Writes status, headers and bytes. Headers that are set already (a name, a commit) stay.</summary>
    public static async Task WriteAsync(HttpContext context, ContentStore contents, LargeFile file)
    {
        var (request, response) = (context.Request, context.Response);
        var etag = new EntityTagHeaderValue($"\"{file.Sha256}\"");
        response.Headers.ETag = etag.ToString();
        response.Headers.AcceptRanges = "bytes";
        response.ContentType ??= "application/octet-stream";
        var (from, to) = (0L, file.Size);
        var headers = request.GetTypedHeaders();
        if (headers.IfNoneMatch.Any(e => e.Compare(etag, useStrongComparison: false) || e == EntityTagHeaderValue.Any))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        var sameFile = headers.IfRange is null || headers.IfRange.EntityTag?.Compare(etag, useStrongComparison: true) == true;
        if (sameFile && headers.Range is { Unit.Value: "bytes", Ranges: { Count: 1 } ranges })
        {
            var range = ranges.First();
            from = range.From ?? Math.Max(0, file.Size - range.To!.Value);
            to = range.From is null ? file.Size : Math.Min(file.Size, (range.To ?? file.Size - 1) + 1);
            if (from >= to)
            {
                response.StatusCode = StatusCodes.Status416RangeNotSatisfiable;
                response.Headers.ContentRange = new ContentRangeHeaderValue(file.Size).ToString();
                response.ContentLength = 0;
                return;
            }
            response.StatusCode = StatusCodes.Status206PartialContent;
            response.Headers.ContentRange = new ContentRangeHeaderValue(from, to - 1, file.Size).ToString();
        }
        response.ContentLength = to - from;
        if (!HttpMethods.IsHead(request.Method))
            await contents.WriteToAsync(file, from, to - from, response.BodyWriter, context.RequestAborted);
    }
}
