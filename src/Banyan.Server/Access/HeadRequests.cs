using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Banyan.Server.Access;

/// <summary>Every address that answers GET answers HEAD (RFC 9110 9.3.2): if no route is for HEAD, the one for GET runs, and the web server
/// sends no body.</summary>
static class HeadRequests
{
    /// <summary>Finds routes, and for HEAD without one that of GET.</summary>
    public static void UseRoutingWithHead(this WebApplication app)
    {
        app.UseRouting();
        app.Use((context, next) =>
        {
            // A fallback takes any method, and comes after all routes; the answer 405 is no route.
            if (HttpMethods.IsHead(context.Request.Method) && context.GetEndpoint() is not RouteEndpoint { Order: < int.MaxValue })
            {
                context.Request.Method = HttpMethods.Get;
                context.SetEndpoint(null);
                context.Request.RouteValues.Clear();
            }
            return next(context);
        });
        app.UseRouting();
    }
}
