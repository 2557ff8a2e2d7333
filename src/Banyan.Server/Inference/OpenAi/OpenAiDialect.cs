using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.OpenAi;

/// <summary>
/// OpenAI's: <c>{"error": {"message", "type", "code", "param"}}</c>. The pages and llama-server's addresses speak it as well.
/// </summary>
sealed class OpenAiDialect(bool asksForKey) : ModelDialect
{
    /// <summary>Routes that use a model.</summary>
    public static OpenAiDialect Guarded { get; } = new(asksForKey: true);

    /// <summary>Routes that tell nothing which a key should hide, and pages, which ask for it in their own way.</summary>
    public static OpenAiDialect Open { get; } = new(asksForKey: false);

    public override bool AsksForKey => asksForKey;

    protected override Task WriteAsync(HttpContext context, ApiException error) =>
        context.Response.WriteAsJsonAsync(error.ToRecord(), ApiJson.Readable.ErrorAnswer, cancellationToken: context.RequestAborted);
}
