using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Banyan.Server.Access;

/// <summary>Compresses pages and JSON written by the server, for clients that accept it: a list of repositories takes a third of its
/// length. Files of repositories are sent as they are, with their length and their ranges.</summary>
sealed class AnswerCompression(IServiceProvider services, IOptions<ResponseCompressionOptions> options)
    : ResponseCompressionProvider(services, options)
{
    const string Json = "application/json", Made = "application/json; charset=utf-8";

    /// <summary>A repository's JSON file has the bare type; JSON that the server writes also states its encoding.</summary>
    public override bool ShouldCompressResponse(HttpContext context) =>
        base.ShouldCompressResponse(context)
        && (context.Response.ContentType == Made
            || context.Response.ContentType?.StartsWith(Json, StringComparison.OrdinalIgnoreCase) != true);

    public static void Add(IServiceCollection services)
    {
        services.AddResponseCompression(o => o.MimeTypes = ["text/html", Json]);
        services.Replace(ServiceDescriptor.Singleton<IResponseCompressionProvider, AnswerCompression>());
    }
}
