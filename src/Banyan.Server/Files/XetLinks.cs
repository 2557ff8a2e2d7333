using Banyan.Server.Content;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Xet;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Files;

/// <summary>Tells clients that a large file is available in chunks; other clients use plain HTTP.</summary>
sealed class XetLinks(HubAddress address, XetAddresses xet)
{
    const string FileInfo = "application/vnd.xet-fileinfo+json";

    /// <summary>Adds the headers, and answers the request whole where it asks for nothing but this.</summary>
    /// <returns>Whether it is answered.</returns>
    public bool Answer(HttpContext context, Repo repo, GitId commit, HeldFile file)
    {
        var headers = context.Response.Headers;
        headers["X-Xet-Hash"] = file.XetHash.ToString();
        headers.Link = $"<{address.Root(context)}/api/{repo.Type.Plural()}/{repo.FullName}/xet-read-token/{commit}>; rel=\"xet-auth\", "
            + $"<{xet.Reconstruction(context, file.XetHash)}>; rel=\"xet-reconstruction-info\"";
        if (!context.Request.Headers.Accept.ToString().Contains(FileInfo, StringComparison.OrdinalIgnoreCase))
            return false;
        context.Response.ContentType = FileInfo;
        context.Response.ContentLength = 0;
        return true;
    }
}
