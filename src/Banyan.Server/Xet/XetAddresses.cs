using Banyan.Chunks;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Xet;

/// <summary>Where the Xet protocol is served: under a path of its own, so that it and inference can both have their <c>/v1</c>.</summary>
sealed class XetAddresses(HubAddress hub)
{
    public const string Path = "/xet";

    /// <summary>What clients call the CAS URL.</summary>
    public string Cas(HttpContext context) => $"{hub.Root(context)}{Path}";

    /// <summary>Where a client learns what a file is made of: the link <c>xet-reconstruction-info</c>.</summary>
    public string Reconstruction(HttpContext context, XetHash file) => $"{Cas(context)}/v1/reconstructions/{file}";
}
